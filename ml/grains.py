"""Grains, and which of their periods the data covers wholly. Plain dates, no pandas: pages use it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.db.sales import SalesDaily, SalesRaw
from ml.errors import DataError

ONE_DAY = timedelta(days=1)
AHEAD = 2
"""Horizons of a grain for which plans are looked up."""


@dataclass(frozen=True)
class Grain:
    """A length of period that sales are forecast by.

    `least` periods have to be complete for a forecast, three months of any grain; of more than `longest` only the last
    ones are learned from. A series has enough history of its own when it sold in `active` periods, and in `density`
    (a share) of those since its first sale. The level that is forecast has at most `most_values` (series times
    periods; None: any number), so that training it stays affordable.
    """

    name: str
    freq: str  # the panel's frequency
    season_length: int  # periods in a season
    horizon: int  # periods forecast unless asked otherwise
    unit: str  # for messages, plural
    word: str  # the same, singular
    least: int
    longest: int
    active: int
    density: float = 0.0
    most_values: int | None = None

    @property
    def farthest(self) -> int:
        """How many periods ahead can be forecast: as far as plans are looked up."""
        return AHEAD * self.horizon

    def start(self, day: date) -> date:
        """The first day of the period that holds `day`."""
        return day.replace(day=1)

    def shift(self, start: date, periods: int) -> date:
        """The start of the period `periods` after (or, negative, before) the one that starts at `start`."""
        months = start.year * 12 + start.month - 1 + periods
        return date(months // 12, months % 12 + 1, 1)

    def count(self, first: date, last: date) -> int:
        """How many periods lie from the one that starts at `first` to the one that starts at `last`, both included."""
        return (last.year - first.year) * 12 + last.month - first.month + 1

    def last_day(self, start: date) -> date:
        """The last day of the period that starts at `start`."""
        return self.shift(start, 1) - ONE_DAY


class Days(Grain):
    """Periods of a fixed number of days; those of 7 begin on Mondays."""

    @property
    def _days(self) -> int:
        return 7 if self.freq == "W" else 1

    def start(self, day: date) -> date:
        """The day itself, or the Monday of the week that holds it."""
        return day - timedelta(days=day.weekday()) if self.freq == "W" else day

    def shift(self, start: date, periods: int) -> date:
        """The start of the period `periods` after (or, negative, before) the one that starts at `start`."""
        return start + timedelta(days=self._days * periods)

    def count(self, first: date, last: date) -> int:
        """How many periods lie from the one that starts at `first` to the one that starts at `last`, both included."""
        return (last - first).days // self._days + 1


MONTHLY = Grain("monthly", "MS", 12, 12, "months", "month", least=3, longest=1200, active=12)
WEEKLY = Days("weekly", "W", 52, 13, "weeks", "week", 12, 520, 26, 0.5, 1_000_000)
DAILY = Days("daily", "D", 7, 28, "days", "day", 84, 1461, 91, 0.5, 500_000)
GRAINS = {grain.name: grain for grain in (MONTHLY, WEEKLY, DAILY)}
"""All that can be forecast, in the order in which that is done: what people look at first comes first."""


def get_grain(name: str) -> Grain:
    """The grain of that name; raises DataError for an unknown one."""
    if name not in GRAINS:
        raise DataError(f"grain is {name!r}; expected one of {', '.join(GRAINS)}.")
    return GRAINS[name]


@dataclass(frozen=True)
class Coverage:
    """What span of time the sales cover.

    `first` and `last` are the first and last day with a sale; `first_complete` and
    `last_complete` are the starts of the first and last period covered wholly, or
    null where there is none; `periods` counts the complete ones.
    """

    first: date
    last: date
    first_complete: date | None
    last_complete: date | None
    periods: int

    def is_partial(self, start: date) -> bool:
        """Whether the data covers the period that starts at `start` only in part."""
        if self.first_complete is None or self.last_complete is None:
            return True
        return not self.first_complete <= start <= self.last_complete

    def learned(self, grain: Grain) -> Coverage:
        """Without the complete periods that are too long ago to be learned from."""
        if self.first_complete is None or self.last_complete is None or self.periods <= grain.longest:
            return self
        return replace(self, first_complete=grain.shift(self.last_complete, 1 - grain.longest), periods=grain.longest)


STRAY = 60
"""A few days with sales so many days away from all others are mistyped dates, no beginning and no end of the data."""
FEW = 3


def cover(days: Sequence[date], grain: Grain, unfinished: date | None = None) -> Coverage | None:
    """The coverage that ascending days with sales give, or null where there are none.

    A period at either end counts as covered when no more days are missing from it than
    are usually missing between two days with sales (the 99th percentile of the gaps): a
    shop closed at weekends, or a file with one row a month, has no partial periods
    merely because the last day of its last month is without a sale. Mistyped dates far
    away cover nothing up to them. A last day that is `unfinished` is no complete one.
    """
    if not days:
        return None
    usual = _usual_gap(days)
    kept = _without_strays(days, usual)
    start, end = grain.start(kept[0]), grain.start(kept[-1])
    if (kept[0] - start).days > usual:
        start = grain.shift(start, 1)
    if (grain.last_day(end) - kept[-1]).days > usual or end == unfinished:
        end = grain.shift(end, -1)
    sold = [period for period in dict.fromkeys(map(grain.start, kept)) if start <= period <= end]
    if not sold:
        return Coverage(days[0], days[-1], None, None, 0)
    return Coverage(days[0], days[-1], sold[0], sold[-1], grain.count(sold[0], sold[-1]))


def _usual_gap(days: Sequence[date]) -> int:
    """Days without sales that commonly lie between two days with sales."""
    gaps = sorted((after - before).days - 1 for before, after in pairwise(days))
    return gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] if gaps else 0


def _without_strays(days: Sequence[date], usual: int) -> Sequence[date]:
    """The days without up to FEW at either end that lie far from all others."""
    limit = max(STRAY, 3 * (usual + 1))
    first, last = 0, len(days)
    for at in range(1, min(FEW, len(days) - FEW - 1) + 1):
        if (days[at] - days[at - 1]).days > limit:
            first = at
        if (days[-at] - days[-at - 1]).days > limit:
            last = len(days) - at
    return days[first:last]


DATES = "which days the data covers is no figure of a place"
"""Why `read_coverage` looks at all regions, whatever its caller may see (webapp.queries.scope)."""


def read_coverage(session: Session, grain: Grain) -> Coverage | None:
    """The coverage of all sales, from the daily aggregates.

    A day that was not over when the last sales were loaded is not complete: its other sales are still to come.
    """
    every = sa.select(SalesDaily.sale_date).distinct().order_by(SalesDaily.sale_date)
    days = session.scalars(every.execution_options(unscoped=DATES)).all()
    if grain is not DAILY or not days:
        return cover(days, grain)
    loaded = newest_load(session)
    return cover(days, grain, days[-1] if loaded is not None and loaded.date() <= days[-1] else None)


def newest_sale(session: Session) -> date | None:
    """The day of the newest sale; null where there is none. By the rows, which have an index by day."""
    return session.scalar(sa.select(sa.func.max(SalesRaw.sale_date)))


def newest_load(session: Session) -> datetime | None:
    """When sales were loaded last; null where none were."""
    newest = sa.select(sa.func.max(Import.finished_at)).where(*LOADED_SALES)
    return session.scalar(newest.execution_options(unscoped=DATES))


LOADED_SALES = (Import.state == "loaded", Import.dataset == "sales")
