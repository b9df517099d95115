"""What taking an import back would change, told before it is done."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, RecordVersion
from ml.db.results import ForecastRun
from ml.db.sales import SalesRaw, SalesRepeat, SalesSuperseded
from ml.etl.record_tables import tables_of


@dataclass(frozen=True)
class MonthEffect:
    """What goes from a month: rows and their amount."""

    month: date
    rows: int
    amount: float


@dataclass(frozen=True)
class Effects:
    """Rows (records, of other data sets than sales) that go, that come back, and that stay since others have them."""

    removed: int
    restored: int
    kept: int
    series: int
    months: tuple[MonthEffect, ...]
    forecasts: int  # published ones, which are made anew


def effects(session: Session, row: Import) -> Effects:
    """What would happen if this import were taken back now."""
    if row.dataset != "sales":
        return record_effects(session, row)
    mine = SalesRaw.import_id == row.id
    kept = session.scalar(sa.select(sa.func.count()).select_from(SalesRaw).where(mine, held_by_others(row))) or 0
    days = session.execute(
        sa.select(SalesRaw.sale_date, sa.func.count(), sa.func.sum(SalesRaw.sales_amount))
        .where(mine, ~held_by_others(row))
        .group_by(SalesRaw.sale_date)
    ).all()
    restored = sa.select(sa.func.count()).where(SalesSuperseded.replaced_by == row.id)
    series = sa.select(sa.func.count(SalesRaw.series_id.distinct())).where(mine)
    published = sa.select(sa.func.count(ForecastRun.id)).where(ForecastRun.slot.is_not(None))
    return Effects(
        removed=sum(count for _, count, _ in days),
        restored=session.scalar(restored) or 0,
        kept=kept,
        series=session.scalar(series) or 0,
        months=by_month([(day, count, float(amount)) for day, count, amount in days]),
        forecasts=session.scalar(published) or 0,
    )


def held_by_others(row: Import) -> sa.ColumnElement[bool]:
    """Whether a row of sales came with another loaded import too."""
    return sa.exists().where(
        SalesRepeat.row_key == SalesRaw.row_key,
        SalesRepeat.import_id != row.id,
        SalesRepeat.import_id == Import.id,
        Import.state == "loaded",
    )


def by_month(days: list[tuple[date, int, float]]) -> tuple[MonthEffect, ...]:
    """Days summed up by month, in the order of time."""
    sums: dict[date, list[float]] = defaultdict(lambda: [0, 0.0])
    for day, count, amount in days:
        month = sums[day.replace(day=1)]
        month[0] += count
        month[1] += amount
    return tuple(MonthEffect(month, int(count), amount) for month, (count, amount) in sorted(sums.items()))


def record_effects(session: Session, row: Import) -> Effects:
    """The same for records of other data sets: those it made go, those it changed become what they were."""
    versions = sa.select(RecordVersion.key).where(RecordVersion.replaced_by == row.id)
    changed = session.scalar(sa.select(sa.func.count()).select_from(versions.distinct().subquery())) or 0
    made = 0
    for target in tables_of(row.dataset):
        mine = (target.table.c.import_id == row.id, target.table.c.key.not_in(versions))
        made += session.scalar(sa.select(sa.func.count()).select_from(target.table).where(*mine)) or 0
    return Effects(made, changed, 0, 0, (), 0)
