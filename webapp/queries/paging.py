"""Pages of long lists, which stay right while rows are added: each continues behind the last row of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

Row = TypeVar("Row")
DEFAULT_LIMIT = 50


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the id below which the next page begins (None on the last one)."""

    items: Sequence[Row]
    next_below: int | None


@dataclass(frozen=True)
class SortedPage(Page[Row]):
    """Some rows, and what the last one is sorted by where there are more; its id is all that a list by id needs."""

    next_after: tuple[Any, ...] | None


def newest_first(session: Session, query: sa.Select[Row], id_column: Any, limit: int, below: int | None) -> Page[Row]:
    """The rows of `query` with the highest ids, at most `limit`, all below the id `below`."""
    if below is not None:
        query = query.where(id_column < below)
    rows = session.scalars(query.order_by(id_column.desc()).limit(limit + 1)).all()
    last: Any = rows[limit - 1] if len(rows) > limit else None
    return Page(rows[:limit], None if last is None else last.id)


def sorted_page(
    session: Session,
    query: sa.Select[Row],
    columns: Mapping[str, Any],
    sort: str,
    *,
    limit: int,
    after: Sequence[Any] | None = None,
) -> SortedPage[Row]:
    """The rows of `query` by the column that `sort` names ('-' before it: descending), then by id, behind `after`.

    `columns` are those that may be sorted by, none of them nullable, 'id' among them.
    """
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    order = [columns["id"]] if name == "id" else [columns[name], columns["id"]]
    if after is not None:
        query = query.where(behind(order, after, descending=descending))
    query = query.order_by(*(column.desc() if descending else column.asc() for column in order))
    rows = session.scalars(query.limit(limit + 1)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else tuple(getattr(last, column.key) for column in order)
    return SortedPage(rows[:limit], after[-1] if after else None, after)


def behind(order: Sequence[Any], key: Sequence[Any], *, descending: bool) -> sa.ColumnElement[bool]:
    """Whether a row comes after `key`; SQL Server compares no tuples."""
    column, value = order[0], key[0]
    beyond: sa.ColumnElement[bool] = column < value if descending else column > value
    if len(order) == 1:
        return beyond
    return sa.or_(beyond, sa.and_(column == value, behind(order[1:], key[1:], descending=descending)))
