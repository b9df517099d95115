"""The only column types that tables and migrations use.

SQLAlchemy's generic types become DATETIME, NTEXT or VARCHAR on SQL Server; these
become what is wanted there and the nearest equal on SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A generated key; SQLite numbers rows itself only for INTEGER."""

Day = sa.Date().with_variant(mssql.DATE(), "mssql")
Amount = sa.Numeric(18, 4, asdecimal=False)
"""Money and quantities; exact where the database can, a float in Python."""

Real = sa.Float(53)
Flag = sa.Boolean()
HashKey = sa.LargeBinary(16).with_variant(mssql.BINARY(16), "mssql")
"""A 128-bit hash of a natural key: short enough for any index, blind to collations."""

LongText = sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")


def Name(length: int = 120) -> TypeEngine[str]:
    """Text of bounded length: NVARCHAR(n) on SQL Server."""
    return sa.Unicode(length)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant; aware UTC in Python, a naive UTC DATETIME2 or TIMESTAMP in the table."""

    impl = sa.DateTime().with_variant(mssql.DATETIME2(precision=6), "mssql")  # type: ignore[no-untyped-call]
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; store instants as aware datetimes")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A JSON document as text, since SQL Server before 2025 has no type of its own for it."""

    impl = LongText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)
