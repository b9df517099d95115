"""Reads for data quality: how fresh each data set is, how much came lately, and which days are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, Source
from ml.db.sales import SalesRaw
from webapp.queries.scope import UNSCOPED

WINDOW = timedelta(days=365)
"""How far back missing days are looked for."""
SELDOM = 0.1
"""A weekday with sales in fewer of its weeks than this share is a day on which nothing is sold."""
LOADS = 12
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Freshness:
    """What came last for a data set from one source ('' for uploads without one)."""

    dataset: str
    source: str
    source_id: int | None
    imports: int
    last_date: date | None  # of the newest row
    loaded_at: datetime | None
    failed_at: datetime | None  # where the latest import failed


@dataclass(frozen=True)
class Gap:
    """Days in a row without any sale, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class DayGaps:
    """The days that miss in the last year of sales; `closed` are weekdays (0 is Monday) on which nothing is sold."""

    first: date
    last: date
    closed: tuple[int, ...]
    gaps: tuple[Gap, ...]


def freshness(session: Session) -> list[Freshness]:
    """By data set and source, by name."""
    loaded, failed = Import.state == "loaded", Import.state == "failed"
    query = (
        sa.select(
            Import.dataset,
            Import.source_id,
            Source.name,
            sa.func.sum(sa.case((loaded, 1), else_=0)),
            sa.func.max(sa.case((loaded, Import.last_date))),
            sa.func.max(sa.case((loaded, Import.finished_at))),
            sa.func.max(sa.case((failed, Import.finished_at))),
        )
        .outerjoin(Source, Source.id == Import.source_id)
        .where(sa.or_(loaded, failed))
        .group_by(Import.dataset, Import.source_id, Source.name)
        .order_by(Import.dataset, Source.name)
        .execution_options(**{UNSCOPED: "when data came last is no figure of a place"})
    )
    return [_freshness(row) for row in session.execute(query)]


def _freshness(row: Any) -> Freshness:
    dataset, source_id, source, imports, last_date, loaded_at, failed_at = row
    still_failing = failed_at is not None and (loaded_at is None or failed_at > loaded_at)
    return Freshness(
        dataset, source or "", source_id, imports, last_date, loaded_at, failed_at if still_failing else None
    )


def recent_loads(session: Session, dataset: str = "sales", limit: int = LOADS) -> Sequence[Import]:
    """The last imports of a data set that were loaded, newest first."""
    query = sa.select(Import).where(Import.state == "loaded", Import.dataset == dataset)
    return session.scalars(query.order_by(Import.id.desc()).limit(limit)).all()


def day_gaps(session: Session) -> DayGaps | None:
    """The days without sales in the last year of the data; None without sales."""
    last = session.scalar(sa.select(sa.func.max(SalesRaw.sale_date)))
    if last is None:
        return None
    query = sa.select(SalesRaw.sale_date).distinct().where(SalesRaw.sale_date > last - WINDOW)
    return find_gaps(sorted(session.scalars(query)))


def find_gaps(days: Sequence[date]) -> DayGaps:
    """The gaps between ascending days; weekdays on which nothing is ever sold make none."""
    closed = closed_weekdays(days)
    missing = [day for day in missing_days(days) if day.weekday() not in closed]
    return DayGaps(days[0], days[-1], closed, tuple(runs(missing, closed)))


def closed_weekdays(days: Sequence[date]) -> tuple[int, ...]:
    """The weekdays with next to no sales, told from four weeks or more."""
    weeks = ((days[-1] - days[0]).days + 1) / 7
    sold = Counter(day.weekday() for day in days)
    return tuple(day for day in range(7) if sold[day] < SELDOM * weeks) if weeks >= 4 else ()


def missing_days(days: Sequence[date]) -> Iterator[date]:
    """The days between the first and the last that are not among them."""
    present, day = set(days), days[0]
    while day < days[-1]:
        if day not in present:
            yield day
        day += DAY


def runs(days: Sequence[date], closed: tuple[int, ...]) -> Iterator[Gap]:
    """Ascending days, those that follow each other put together; closed days between them part nothing."""
    first = last = None
    for day in days:
        if first is None or last is None:
            first = day
        elif next_open(last, closed) != day:
            yield Gap(first, last)
            first = day
        last = day
    if first is not None and last is not None:
        yield Gap(first, last)


def next_open(day: date, closed: tuple[int, ...]) -> date:
    """The next day on which something may be sold."""
    day += DAY
    while day.weekday() in closed:
        day += DAY
    return day
