"""Sales of an import taken out again: what it replaced comes back, and what other imports hold too stays theirs.

The versions of a row form a chain in the order of the imports' `sequence`; the last one is in `sales_raw`. An equal
row of a later import was noted in `sales_repeats`: such an import takes a version over when its owner goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_select, lock_for_writing, scratch_table, table_of
from ml.db.imports import Import
from ml.db.sales import SalesRaw, SalesRepeat, SalesSuperseded
from ml.db.types import BigId, HashKey
from ml.etl.deltas import Deltas
from ml.etl.heirs import OLD, RAW, heirs
from ml.etl.load import remove, sums_of

VERSION = tuple(column.name for column in RAW.c if column.name != "id")


@dataclass(frozen=True)
class TakenBack:
    """Rows that went, that came back, and that another import took over."""

    removed: int
    restored: int
    kept: int


def take_back_sales(session: Session, record: Import) -> tuple[TakenBack, Deltas]:
    """Make the sales and their aggregates what they would be without an import; the caller commits."""
    lock_for_writing(session, SalesRaw)
    deltas = Deltas(session)
    remove(session, SalesRepeat, SalesRepeat.import_id == record.id)
    kept = _hand_over(session, record, OLD) + _hand_over(session, record, RAW)
    _close_gaps(session, record.id)
    mine, before = RAW.c.import_id == record.id, OLD.c.replaced_by == record.id
    deltas.add_sums(sums_of(RAW, mine), sign=-1)
    deltas.add_sums(sums_of(OLD, before), sign=1)
    removed = remove(session, SalesRaw, mine)
    restored = insert_select(session, SalesRaw, VERSION, sa.select(*(OLD.c[name] for name in VERSION)).where(before))
    remove(session, SalesSuperseded, before)
    deltas.apply()
    return TakenBack(removed, restored, kept), deltas


def _hand_over(session: Session, record: Import, table: sa.Table) -> int:
    """Let the heirs own what they hold; returns how many rows."""
    found = heirs(record, table).subquery()
    # Not a parameter: `tests.tsql` would take it for one in the GROUP BY within.
    of_sales = Import.dataset == sa.literal_column("'sales'")
    same = sa.and_(Import.sequence == found.c.sequence, of_sales)
    with _followed(session, sa.select(found.c.row_key, Import.id).join_from(found, Import, same)) as heir:
        _repoint(session, record.id, heir)
        mine = (table.c.import_id == record.id, table.c.row_key.in_(sa.select(heir.c.row_key)))
        result = session.execute(sa.update(table).where(*mine).values(import_id=_next(heir, table)))
        repeats = table_of(SalesRepeat)
        held = sa.and_(repeats.c.row_key == heir.c.row_key, repeats.c.import_id == heir.c.follows)
        spent = sa.select(repeats.c.id).join_from(repeats, heir, held)
        remove(session, SalesRepeat, SalesRepeat.id.in_(spent))
        return int(getattr(result, "rowcount", 0))


def _close_gaps(session: Session, import_id: int) -> None:
    """Versions that others replaced go, and the version before each is replaced by the one after it."""
    mine = OLD.c.import_id == import_id
    with _followed(session, sa.select(OLD.c.row_key, OLD.c.replaced_by).where(mine)) as successor:
        _repoint(session, import_id, successor)
    remove(session, SalesSuperseded, mine)


@contextmanager
def _followed(session: Session, query: sa.Select[Any]) -> Iterator[sa.Table]:
    """The rows of a query of row keys, and of the import that follows on each, to be joined."""
    types = {"row_key": HashKey, "follows": BigId}
    with scratch_table(session, "sales_followed", types, key=("row_key",)) as followed:
        insert_select(session, followed, ["row_key", "follows"], query)
        yield followed


def _repoint(session: Session, import_id: int, followed: sa.Table) -> None:
    """Let the versions that the import replaced be replaced by what follows on it."""
    keys = sa.select(followed.c.row_key)
    earlier = sa.update(OLD).where(OLD.c.replaced_by == import_id, OLD.c.row_key.in_(keys))
    session.execute(earlier.values(replaced_by=_next(followed, OLD)))


def _next(followed: sa.Table, table: sa.Table) -> Any:
    query = sa.select(followed.c.follows).where(followed.c.row_key == table.c.row_key)
    return query.correlate(table).scalar_subquery()
