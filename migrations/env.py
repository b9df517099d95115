"""Runs the migrations against DATABASE_URL, or against the connection that a test hands in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import context

import webapp.models
import worker.models
from ml.db import tables, types
from ml.db.base import Base, made_on
from ml.db.session import create_engine, parse_url
from ml.settings import Settings

TABLE_MODULES = (tables, worker.models, webapp.models)
"""Imported so that `Base.metadata` knows every table."""

CHECK = "PRAGMA foreign_key_check"

TYPE_NAMES = (
    (types.UtcDateTime, "types.UtcDateTime()"),
    (types.Json, "types.Json()"),
    (sa.LargeBinary, "types.HashKey"),
    (sa.UnicodeText, "types.LongText"),
    (sa.Date, "types.Day"),
    (sa.Boolean, "types.Flag"),
    (sa.Float, "types.Real"),
    (sa.Numeric, "types.Amount"),
    (sa.BigInteger, "types.BigId"),
)


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write column types by the names that `ml.db.types` gives them."""
    if kind != "type":
        return False
    autogen_context.imports.add("from ml.db import types")
    if isinstance(item, sa.Unicode) and not isinstance(item, sa.UnicodeText):
        return f"types.Name({item.length})"
    return next((name for cls, name in TYPE_NAMES if isinstance(item, cls)), False)


def configure(**options: Any) -> None:
    context.configure(target_metadata=Base.metadata, render_item=render_item, compare_type=False, **options)


def migrate(connection: sa.Connection) -> None:
    dialect = connection.dialect.name
    configure(connection=connection, render_as_batch=dialect == "sqlite", include_object=made_on(dialect))
    with unenforced(connection), context.begin_transaction():
        context.run_migrations()
        if connection.dialect.name == "sqlite" and (broken := connection.exec_driver_sql(CHECK).all()):
            raise sa.exc.IntegrityError(
                CHECK, broken, ValueError(f"{len(broken)} rows refer to rows that are not there")
            )


@contextmanager
def unenforced(connection: sa.Connection) -> Iterator[None]:
    """Foreign keys and views are not checked meanwhile: SQLite changes a table by dropping it, and others may refer to
    it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection  # only outside of a transaction does this have an effect
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute("PRAGMA legacy_alter_table=ON")
    yield
    connection.commit()
    driver.execute("PRAGMA legacy_alter_table=OFF")
    driver.execute("PRAGMA foreign_keys=ON")


def migrate_online() -> None:
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    engine = create_engine(Settings.from_env().database_url)
    with engine.connect() as own:
        migrate(own)
    engine.dispose()


def migrate_offline() -> None:
    """Print the statements; `-x dialect=mssql` prints them for another database."""
    dialect = context.get_x_argument(as_dictionary=True).get("dialect")
    name = dialect or parse_url(Settings.from_env().database_url).get_backend_name()
    configure(dialect_name=name, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    migrate_offline()
else:
    migrate_online()
