"""What taking an import back would change, told before it is done."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, RecordVersion
from ml.db.sales import SalesRaw
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
    forecasts: int  # published ones that learned from what changes
    periods: dict[str, int]  # days, weeks and months whose totals change


def effects(session: Session, row: Import) -> Effects:
    """What would happen if this import were taken back now."""
    if row.dataset != "sales":
        return record_effects(session, row)
    from ml.etl.take_back import RAW, heirs  # noqa: PLC0415  (loads pyarrow)
    from ml.pipelines.take_back import preview  # noqa: PLC0415

    found = preview(session, row.id)
    stays = sa.select(heirs(row, RAW).subquery().c.row_key)
    days = session.execute(
        sa.select(SalesRaw.sale_date, sa.func.count(), sa.func.sum(SalesRaw.sales_amount))
        .where(SalesRaw.import_id == row.id, SalesRaw.row_key.not_in(stays))
        .group_by(SalesRaw.sale_date)
    ).all()
    months = by_month([(day, count, float(amount)) for day, count, amount in days])
    return Effects(
        found.removed, found.restored, found.kept, found.series, months, len(found.stale_runs),
        {"days": found.days, "weeks": found.weeks, "months": found.months},
    )  # fmt: skip


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
    return Effects(made, changed, 0, 0, (), 0, {})
