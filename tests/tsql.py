"""What SQL Server would not take, found while the tests run on another database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.sql import visitors

DIALECT = mssql.dialect(paramstyle="qmark")
CHECKED = (sa.Select, sa.CompoundSelect, sa.Insert, sa.Update, sa.Delete)
MOST_PARAMETERS = 2000
_passed: set[tuple[Any, ...]] = set()
"""The shapes of statements that were found good: compiling each of a loop anew would cost most of its test's time."""
PARAMETER_IN_GROUP_BY = re.compile(r"GROUP BY (?:(?!\b(?:HAVING|ORDER BY|UNION)\b).)*\?", re.DOTALL)


def check_statement(connection: sa.Connection, statement: Any, *_: Any) -> None:
    """Raises AssertionError where a `statement` that SQLite is about to run cannot run on SQL Server.

    It must compile; a parameter in GROUP BY is another value than its twin in the select list there; ORDER BY names
    no column twice; and a statement takes some 2,100 parameters.
    """
    if connection.dialect.name != "sqlite" or not isinstance(statement, CHECKED):
        return
    shape = statement._generate_cache_key()  # None for those that SQLAlchemy cannot compare, either
    if shape is not None and shape.key in _passed:
        return
    text = str(statement.compile(dialect=DIALECT))
    assert not PARAMETER_IN_GROUP_BY.search(text), f"SQL Server takes no parameter in GROUP BY: {text}"
    assert not any(names_twice(order) for order in orders_of(statement)), f"SQL Server orders by a column once: {text}"
    assert text.count("?") <= MOST_PARAMETERS, f"{text.count('?')} parameters are too many for SQL Server: {text[:200]}"
    if shape is not None:
        _passed.add(shape.key)


def orders_of(statement: Any) -> Iterator[list[Any]]:
    """What a statement and the queries and windows within it order by, without the directions."""
    for part in visitors.iterate(statement):
        if isinstance(part, sa.Select | sa.CompoundSelect):
            yield [undirected(one) for one in part._order_by_clauses]
        elif isinstance(part, sa.Over) and part.order_by is not None:
            yield [undirected(one) for one in part.order_by]


def undirected(order: Any) -> Any:
    """What is ordered by, without its direction."""
    return order.element if isinstance(order, sa.UnaryExpression) and order.modifier else order


def names_twice(order: list[Any]) -> bool:
    """Whether a list names a column more than once, which SQL Server refuses (Msg 169)."""
    return any(one.compare(other) for one, other in combinations(order, 2))
