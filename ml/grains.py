"""Grains, and which of their periods the data covers wholly. Plain dates, no pandas: pages use it too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.sales import SalesDaily
from ml.errors import DataError

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Grain:
    """A length of period that sales are forecast by."""

    name: str
    freq: str  # the panel's frequency
    season_length: int  # periods in a season
    horizon: int  # periods forecast unless asked otherwise
    unit: str  # for messages, plural

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


class Week(Grain):
    """Weeks from Monday to Sunday."""

    def start(self, day: date) -> date:
        """The Monday of the week that holds `day`."""
        return day - timedelta(days=day.weekday())

    def shift(self, start: date, periods: int) -> date:
        """The Monday `periods` weeks after (or, negative, before) `start`."""
        return start + timedelta(weeks=periods)

    def count(self, first: date, last: date) -> int:
        """How many weeks lie from the one that starts at `first` to the one that starts at `last`, both included."""
        return (last - first).days // 7 + 1


MIN_PERIODS = 3
"""Fewer complete periods than this give no forecast."""

MONTHLY = Grain("monthly", "MS", 12, 12, "months")
WEEKLY = Week("weekly", "W-MON", 52, 13, "weeks")
GRAINS = {grain.name: grain for grain in (MONTHLY,)}
"""Those that are forecast."""


def get_grain(name: str) -> Grain:
    """The grain of that name; raises DataError for one that is not forecast."""
    if name not in GRAINS:
        raise DataError(f"grain is {name!r}; expected one of {', '.join(sorted(GRAINS))}.")
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


def cover(days: Sequence[date], grain: Grain) -> Coverage | None:
    """The coverage that ascending days with sales give, or null where there are none.

    A period at either end counts as covered when no more days are missing from it than
    are usually missing between two days with sales (the 99th percentile of the gaps): a
    shop closed at weekends, or a file with one row a month, has no partial periods
    merely because the last day of its last month is without a sale. Months without any
    sale at either end do not count: one mistyped date far away covers nothing up to it.
    """
    if not days:
        return None
    usual = _usual_gap(days)
    first, last = days[0], days[-1]
    start, end = grain.start(first), grain.start(last)
    if (first - start).days > usual:
        start = grain.shift(start, 1)
    if (grain.last_day(end) - last).days > usual:
        end = grain.shift(end, -1)
    sold = [period for period in dict.fromkeys(map(grain.start, days)) if start <= period <= end]
    if not sold:
        return Coverage(first, last, None, None, 0)
    return Coverage(first, last, sold[0], sold[-1], grain.count(sold[0], sold[-1]))


def _usual_gap(days: Sequence[date]) -> int:
    """Days without sales that commonly lie between two days with sales."""
    gaps = sorted((after - before).days - 1 for before, after in pairwise(days))
    return gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] if gaps else 0


DATES = "which days the data covers is no figure of a place"
"""Why `read_coverage` looks at all regions, whatever its caller may see (webapp.queries.scope)."""


def read_coverage(session: Session, grain: Grain) -> Coverage | None:
    """The coverage of all sales, from the daily aggregates."""
    every = sa.select(SalesDaily.sale_date).distinct().order_by(SalesDaily.sale_date)
    days = session.scalars(every.execution_options(unscoped=DATES)).all()
    return cover(days, grain)
