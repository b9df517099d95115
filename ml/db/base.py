"""The declarative base that all tables share, with the naming convention of the migrations."""

from __future__ import annotations

from datetime import UTC, datetime

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
