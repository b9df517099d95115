"""The declarative base that all tables share, with the naming convention of the migrations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """Base of every table of the product."""

    metadata = sa.MetaData(naming_convention=NAMING)


def utc_now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def unique_where_present(name: str, column: str, *others: str) -> sa.Index:
    """A unique index of `column` and `others` over the rows where `column` is not null.

    SQL Server counts two NULLs as equal in a plain unique index; a filtered index
    means the same on all three databases.
    """
    present = sa.text(f"{column} IS NOT NULL")
    columns = (column, *others)
    return sa.Index(name, *columns, unique=True, mssql_where=present, sqlite_where=present, postgresql_where=present)


SERVERS = ("mssql", "postgresql")


def on_servers(name: str, present: str, *columns: str) -> sa.Index:
    """An index of the rows where what people look for is given (`present`, as SQL), on servers alone.

    On SQLite each index of sales costs a large import a tenth of its time and more, and what one machine keeps in a
    file is read soon enough along the index by day.
    """
    where = sa.text(present)
    index = sa.Index(name, *columns, mssql_where=where, postgresql_where=where, info={"dialects": SERVERS})
    return index.ddl_if(dialect=SERVERS)  # type: ignore[arg-type]  # it takes several names, too


def made_on(dialect: str) -> Callable[..., bool]:
    """Which tables, columns and indexes a database of that kind has, as Alembic asks when it compares."""

    def is_made(item: Any, _name: str, kind: str, *_: Any) -> bool:
        return kind != "index" or dialect in item.info.get("dialects", (dialect,))

    return is_made
