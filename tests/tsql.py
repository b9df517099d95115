"""What SQL Server would not take, found while the tests run on another database."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

DIALECT = mssql.dialect(paramstyle="qmark")
CHECKED = (sa.Select, sa.CompoundSelect, sa.Insert, sa.Update, sa.Delete)
MOST_PARAMETERS = 2000
_passed: set[tuple[Any, ...]] = set()
"""The shapes of statements that were found good: compiling each of a loop anew would cost most of its test's time."""
PARAMETER_IN_GROUP_BY = re.compile(r"GROUP BY (?:(?!\b(?:HAVING|ORDER BY|UNION)\b).)*\?", re.DOTALL)


def check_statement(connection: sa.Connection, statement: Any, *_: Any) -> None:
    """Raises AssertionError where a `statement` that SQLite is about to run cannot run on SQL Server.

    It must compile; a parameter in GROUP BY is another value than its twin in the select list there; and a
    statement takes some 2,100 parameters.
    """
    if connection.dialect.name != "sqlite" or not isinstance(statement, CHECKED):
        return
    shape = statement._generate_cache_key()  # None for those that SQLAlchemy cannot compare, either
    if shape is not None and shape.key in _passed:
        return
    text = str(statement.compile(dialect=DIALECT))
    assert not PARAMETER_IN_GROUP_BY.search(text), f"SQL Server takes no parameter in GROUP BY: {text}"
    assert text.count("?") <= MOST_PARAMETERS, f"{text.count('?')} parameters are too many for SQL Server: {text[:200]}"
    if shape is not None:
        _passed.add(shape.key)
