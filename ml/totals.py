"""Where the totals of each grain are stored, and how their tables name periods. Light: pages use it too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ml.db.functions import week_start, year_month
from ml.db.sales import SalesDaily, SalesMonthly, SalesWeekly
from ml.grains import DAILY, MONTHLY, WEEKLY, Grain


@dataclass(frozen=True)
class Totals:
    """The aggregates of a grain: their table, and its column of periods."""

    grain: Grain
    table: Any
    period: Any

    def stored(self, day: date) -> Any:
        """The period that holds a day, as the table names it."""
        return f"{day:%Y-%m}" if self.grain is MONTHLY else self.grain.start(day)

    def first_day(self, stored: Any) -> date:
        """The first day of a period that the table names."""
        return date.fromisoformat(f"{stored}-01") if self.grain is MONTHLY else stored

    def period_of(self, day: Any) -> Any:
        """The period of a column of days, as the table names it."""
        return {MONTHLY.name: year_month, WEEKLY.name: week_start}.get(self.grain.name, lambda column: column)(day)


TOTALS = {
    MONTHLY.name: Totals(MONTHLY, SalesMonthly, SalesMonthly.yearmonth),
    WEEKLY.name: Totals(WEEKLY, SalesWeekly, SalesWeekly.week_start),
    DAILY.name: Totals(DAILY, SalesDaily, SalesDaily.sale_date),
}
