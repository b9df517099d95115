"""Pages of long lists, newest first, that stay right while rows are added: they continue below an id."""

from __future__ import annotations

from collections.abc import Sequence
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


def newest_first(session: Session, query: sa.Select[Row], id_column: Any, limit: int, below: int | None) -> Page[Row]:
    """The rows of `query` with the highest ids, at most `limit`, all below the id `below`."""
    if below is not None:
        query = query.where(id_column < below)
    rows = session.scalars(query.order_by(id_column.desc()).limit(limit + 1)).all()
    last: Any = rows[limit - 1] if len(rows) > limit else None
    return Page(rows[:limit], None if last is None else last.id)
