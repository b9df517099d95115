"""Connections to other people's databases: read-only, limited in time, without a way to files or to other servers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ml.errors import SourceError, UpstreamError
from ml.secrets import scrub
from ml.settings import Settings

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pyodbc",
}
OPTIONS = {
    "sqlite": {},
    "postgresql": {"sslmode": r"disable|allow|prefer|require|verify-ca|verify-full"},
    "mysql": {"charset": r"\w+"},
    "mariadb": {"charset": r"\w+"},
    "mssql": {"driver": r"[\w .()-]+", "Encrypt": r"\w+", "TrustServerCertificate": r"\w+"},
}
"""What may follow the '?' of an address: the drivers' other options read files and run commands."""

CONNECT_SECONDS = 10
DEFAULT_DRIVER = "ODBC Driver 18 for SQL Server"
EXAMPLE = "postgresql://user@host:5432/database (or mysql, mariadb, mssql, sqlite:////folder/file.db)"


def parse_url(url: str) -> sa.URL:
    """The address of a database with the driver that the product has for it; SourceError where it is none."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(f"the address of the database cannot be read; expected e.g. {EXAMPLE}.") from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        raise SourceError(f"databases of the kind {backend!r} are not known; expected e.g. {EXAMPLE}.")
    for name, value in parsed.query.items():
        pattern = OPTIONS[backend].get(name)
        if pattern is None or not isinstance(value, str) or not re.fullmatch(pattern, value):
            known = ", ".join(OPTIONS[backend]) or "none"
            raise SourceError(f"the address has the option {name!r}, with a value that is not allowed; known: {known}.")
    return parsed.set(drivername=DRIVERS[backend])


@contextmanager
def reading(
    url: sa.URL, secret: Mapping[str, str], engine: Settings, seconds: int, rows: int | None = None
) -> Iterator[sa.Connection]:
    """A connection in a transaction that can only read, given up in the end; a statement may take `seconds`, and is
    to give no more than `rows` where the database sends all that it finds, wanted or not.

    Raises UpstreamError where the database cannot be reached or breaks off, SourceError where it refuses a query.
    """
    if url.get_backend_name() != "sqlite" and secret.get("password"):
        url = url.set(password=secret["password"])
    database = _engine(url, engine, seconds)
    asked = url.render_as_string(hide_password=True)
    try:
        with database.connect() as connection:
            _restrict(connection, seconds, rows)
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    connection.rollback()
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise UpstreamError(f"the database {asked} failed: {_answer(error, secret)}") from None
    except sa.exc.DBAPIError as error:
        raise SourceError(f"the database {asked} refused the query: {_answer(error, secret)}") from None
    finally:
        database.dispose()


def _answer(error: sa.exc.SQLAlchemyError, secret: Mapping[str, str]) -> str:
    text = str(error.orig) if isinstance(error, sa.exc.DBAPIError) else str(error)
    return scrub(" ".join(text.split()), secret)[:1000]


def _engine(url: sa.URL, engine: Settings, seconds: int) -> sa.Engine:
    """An engine of one connection; nothing is reached yet."""
    backend, options = url.get_backend_name(), dict[str, Any](poolclass=sa.pool.NullPool)
    if backend == "sqlite":
        return _sqlite(url, engine, seconds)
    if backend == "postgresql":
        read_only = f"-c default_transaction_read_only=on -c statement_timeout={seconds * 1000}"
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS, "options": read_only}
    elif backend == "mssql":
        query = {"driver": DEFAULT_DRIVER, **url.query, "ApplicationIntent": "ReadOnly"}
        url = url.set(query=query)
        options["connect_args"] = {"timeout": CONNECT_SECONDS}
    else:
        options["connect_args"] = {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": seconds + CONNECT_SECONDS,
            "local_infile": False,
        }
    return sa.create_engine(url, **options)


def _sqlite(url: sa.URL, engine: Settings, seconds: int) -> sa.Engine:
    """SQLite opens whatever file is named, so it must be one in a folder that the operator set aside for it."""
    path = Path(url.database or "").resolve()
    folders = ", ".join(map(str, engine.source_folders)) or "none"
    if not any(path.is_relative_to(folder) for folder in engine.source_folders):
        raise SourceError(
            f"{path.name} is not in a folder of sources ({folders}). Put the file there, or let the operator name its "
            "folder in FORECASTLE_SOURCE_FOLDERS."
        )
    if not path.is_file():
        raise UpstreamError(f"there is no file {path.name} in the folder of sources; put the database there.")
    own = sa.make_url(engine.database_url)
    if own.get_backend_name() == "sqlite" and own.database and Path(own.database).resolve() == path:
        raise SourceError(f"{path.name} is the product's own database, which is no source; name another file.")
    address = f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true"
    database = sa.create_engine(address, poolclass=sa.pool.NullPool)

    @sa.event.listens_for(database, "connect")
    def restrict(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        end = time.monotonic() + seconds
        connection.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)

    return database


def _restrict(connection: sa.Connection, seconds: int, rows: int | None) -> None:
    """Begin the transaction, read-only where the database knows that; SQL Server does not: nothing is committed."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    elif name in ("mysql", "mariadb"):
        maria = getattr(connection.dialect, "is_mariadb", False)
        limit = f"max_statement_time={seconds}" if maria else f"max_execution_time={seconds * 1000}"
        connection.exec_driver_sql(f"SET SESSION {limit}")
        if rows is not None:  # the driver reads an answer to its end before it lets go of it
            connection.exec_driver_sql(f"SET SESSION sql_select_limit={int(rows)}")
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.exec_driver_sql("START TRANSACTION READ ONLY")
    elif name == "mssql":
        driver: Any = connection.connection.driver_connection
        driver.timeout = seconds
        if rows is not None:
            connection.exec_driver_sql(f"SET ROWCOUNT {int(rows)}")
