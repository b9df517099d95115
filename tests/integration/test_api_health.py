"""The probes of load balancers: alive, and ready or not, with what is missing."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient
from redis import Redis
from web_fixtures import MakeApp

from worker import health


def test_alive_needs_nothing(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="sqlite:////nowhere/at/all.db", REDIS_URL="unix:///nowhere/redis.sock")
    assert app.test_client().get("/health").status_code == 200


def test_ready_with_database_redis_and_worker(client: FlaskClient, redis_client: Redis) -> None:
    health.report(redis_client, "worker", "worker-1")
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "checks": {"database": "ok", "redis": "ok", "worker": "ok"}}


def test_not_ready_without_a_worker(client: FlaskClient) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json["checks"] == {
        "database": "ok",
        "redis": "ok",
        "worker": f"none was seen in the last {health.SEEN_SECONDS} seconds",
    }


def test_not_ready_without_redis(make_app: MakeApp, client: FlaskClient) -> None:
    answer = make_app(REDIS_URL="unix:///nowhere/redis.sock").test_client().get("/ready")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "ok"
    assert answer.json["checks"]["redis"] == "it does not answer"


def test_not_ready_without_a_migrated_database(make_app: MakeApp, redis_client: Redis, tmp_path: Path) -> None:
    health.report(redis_client, "worker", "worker-1")
    answer = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}").test_client().get("/ready")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json["checks"]["database"]
    assert answer.json["checks"]["worker"] == "ok"
