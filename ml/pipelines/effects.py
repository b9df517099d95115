"""What taking an import back would change, told before it is done.

Counted by the database, day by day, and with no library of the jobs: the web process asks for it while somebody waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, RecordVersion
from ml.db.results import ForecastRun
from ml.etl.datasets import SALES
from ml.etl.heirs import OLD, RAW, is_held
from ml.etl.record_tables import tables_of
from ml.grains import GRAINS, MONTHLY, WEEKLY

Day = tuple[date, int, float]
"""A day with the number of rows and their amount."""


@dataclass(frozen=True)
class MonthEffect:
    """What goes from the month that begins at `month`: rows and their amount."""

    month: date
    rows: int
    amount: float


@dataclass(frozen=True)
class Effects:
    """What taking an import back would change: rows (records, of other data sets than sales) that go, that come back,
    and that stay since other imports hold them; and what sums up the sales that go or come."""

    removed: int
    restored: int
    kept: int = 0
    series: int = 0
    days: int = 0
    weeks: int = 0
    months: int = 0
    by_month: tuple[MonthEffect, ...] = ()
    stale_runs: tuple[int, ...] = ()
    """Published forecasts that learned from what changes."""


def effects(session: Session, record: Import) -> Effects:
    """What would change if a loaded import were taken back now."""
    return _of_sales(session, record) if record.dataset == SALES.name else _of_records(session, record)


def _of_sales(session: Session, record: Import) -> Effects:
    goes = (RAW.c.import_id == record.id, ~is_held(record, RAW))
    last = sa.select(RAW.c.id).where(RAW.c.row_key == OLD.c.row_key, *goes).correlate(OLD).exists()
    comes = (OLD.c.replaced_by == record.id, last)
    gone, back = _by_day(session, RAW, goes), _by_day(session, OLD, comes)
    series = sa.union(sa.select(RAW.c.series_id).where(*goes), sa.select(OLD.c.series_id).where(*comes))
    days = {day for day, _, _ in (*gone, *back)}
    removed = sum(rows for _, rows, _ in gone)
    last_ones = _count(session, sa.select(RAW.c.id).where(RAW.c.import_id == record.id))
    earlier_ones = _count(session, sa.select(OLD.c.id).where(OLD.c.import_id == record.id, is_held(record, OLD)))
    return Effects(
        removed=removed,
        restored=sum(rows for _, rows, _ in back),
        kept=last_ones - removed + earlier_ones,
        series=_count(session, series),
        days=len(days),
        weeks=len(set(map(WEEKLY.start, days))),
        months=len(set(map(MONTHLY.start, days))),
        by_month=_by_month(gone),
        stale_runs=_stale_runs(session, min(days)) if days else (),
    )


def _of_records(session: Session, record: Import) -> Effects:
    """Those that it made go, those that it changed become what they were."""
    versions = sa.select(RecordVersion.key).where(RecordVersion.replaced_by == record.id)
    made = (
        sa.select(target.table.c.id).where(target.table.c.import_id == record.id, target.table.c.key.not_in(versions))
        for target in tables_of(record.dataset)
    )
    removed = sum(_count(session, query) for query in made)
    return Effects(removed=removed, restored=_count(session, versions.distinct()))


def _by_day(session: Session, table: sa.Table, where: Iterable[Any]) -> list[Day]:
    """Rows and amounts by day: a few thousand days, of however many rows."""
    columns = (table.c.sale_date, sa.func.count(), sa.func.sum(table.c.sales_amount))
    found = session.execute(sa.select(*columns).where(*where).group_by(table.c.sale_date)).all()
    return [(day, rows, float(amount)) for day, rows, amount in found]


def _by_month(days: Iterable[Day]) -> tuple[MonthEffect, ...]:
    """Days summed up by month, in the order of time."""
    found: dict[date, list[Day]] = defaultdict(list)
    for day in days:
        found[MONTHLY.start(day[0])].append(day)
    return tuple(
        MonthEffect(month, sum(rows for _, rows, _ in inside), sum(amount for _, _, amount in inside))
        for month, inside in sorted(found.items())
    )


def _count(session: Session, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def _stale_runs(session: Session, first: date) -> tuple[int, ...]:
    """The published runs whose data reaches the day `first`."""
    published = session.scalars(sa.select(ForecastRun).where(ForecastRun.slot.is_not(None))).all()
    return tuple(run.id for run in published if GRAINS[run.grain].last_day(run.as_of) >= first)
