"""Engines and sessions, with what each database needs to behave the same."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.errors import ConfigurationError

only_reads: ContextVar[bool] = ContextVar("only_reads", default=False)
"""Set around work that writes nothing, so that on SQLite it takes no write lock."""

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA busy_timeout=30000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
)

DISK_FULL = "53100"
"""What PostgreSQL answers then."""

NO_SPACE_LEFT = re.compile(r"\((1101|1105|9002)\)")
"""SQL Server's numbers: no space for a page or a row, and a log that is full."""


def engine_options(url: str) -> dict[str, Any]:
    """Keyword arguments for `create_engine` that suit the database behind `url`."""
    parsed = parse_url(url)
    options: dict[str, Any] = {"pool_pre_ping": True}
    if parsed.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": 30, "check_same_thread": False}
    elif parsed.drivername == "postgresql+psycopg":
        # Prepared statements get a generic plan, which is slow for the long IN lists of matching codes.
        options["connect_args"] = {"prepare_threshold": None}
    elif parsed.drivername == "mssql+pyodbc":
        options["fast_executemany"] = True
    return options


def parse_url(url: str) -> sa.URL:
    """The URL as an object; raises ConfigurationError for one that SQLAlchemy cannot read."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigurationError(
            "DATABASE_URL is not a database address; expected e.g. sqlite:///var/forecastle.db or "
            "mssql+pyodbc://user:password@host/db?driver=ODBC+Driver+18+for+SQL+Server"
        ) from None
    if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def configure(engine: sa.Engine) -> None:
    """Attach the events that an engine of this product needs; the web's and the workers' alike.

    SQLite: write-ahead log, foreign keys, and BEGIN IMMEDIATE, because a transaction
    that reads first and writes later fails at once with "database is locked".
    """
    if engine.driver == "pyodbc":  # or connections that are closed stay open below, where a fork would share them
        engine.dialect.dbapi.pooling = False  # type: ignore[union-attr]
    if engine.dialect.name != "sqlite":
        return

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if only_reads.get() else "BEGIN IMMEDIATE")


def create_engine(url: str) -> sa.Engine:
    """A configured engine for `url`; nothing is connected yet."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, **engine_options(url))
    configure(engine)
    return engine


def create_sessions(engine: sa.Engine) -> sessionmaker[Session]:
    """A session factory; objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def reading(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A session for reads only."""
    token = only_reads.set(True)
    try:
        with sessions() as session:
            yield session
    finally:
        only_reads.reset(token)


def is_full(error: BaseException) -> bool:
    """Whether a database refused to write for want of space: trying again does not help before somebody made room."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    said = error.orig
    if getattr(said, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(said, "sqlstate", None) == DISK_FULL:
        return True
    return bool(NO_SPACE_LEFT.search(str(said)))
