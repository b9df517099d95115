"""The aggregates by day, week and month, rebuilt by the database for a span of days."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_select
from ml.db.catalog import Series
from ml.db.functions import week_start, year_month
from ml.db.sales import SalesDaily, SalesMonthly, SalesRaw, SalesWeekly


@dataclass(frozen=True)
class Span:
    """Days from `first` to `last`, both included; no limits mean all."""

    first: date | None = None
    last: date | None = None

    @property
    def weeks(self) -> Span:
        """Widened to whole weeks, Monday to Sunday."""
        return Span(
            self.first and self.first - timedelta(days=self.first.weekday()),
            self.last and self.last + timedelta(days=6 - self.last.weekday()),
        )

    @property
    def months(self) -> Span:
        """Widened to whole months."""
        return Span(
            self.first and self.first.replace(day=1),
            self.last and self.last.replace(day=monthrange(self.last.year, self.last.month)[1]),
        )

    def covers(self, column: Any) -> list[sa.ColumnElement[bool]]:
        """The conditions that a date lies in the span."""
        return [
            *([column >= self.first] if self.first else []),
            *([column <= self.last] if self.last else []),
        ]

    def __or__(self, other: Span) -> Span:
        """The shortest span that holds both."""
        return Span(
            min(self.first, other.first) if self.first and other.first else None,
            max(self.last, other.last) if self.last and other.last else None,
        )


def rebuild_daily(session: Session, span: Span) -> int:
    """Sum `sales_raw` by series and day; returns the rows written."""
    sums = (
        sa.select(
            SalesRaw.series_id,
            SalesRaw.sale_date,
            _sum(SalesRaw.sales_amount).label("total_sales"),
            _sum(SalesRaw.sales_qty).label("total_qty"),
            sa.func.count().label("transactions"),
        )
        .where(*span.covers(SalesRaw.sale_date))
        .group_by(SalesRaw.series_id, SalesRaw.sale_date)
        .subquery()
    )
    _delete(session, SalesDaily, span.covers(SalesDaily.sale_date))
    return _insert(session, SalesDaily, sums, {"sale_date": sums.c.sale_date})


def rebuild_weekly(session: Session, span: Span) -> int:
    """Sum the daily rows by series and week, for a span of whole weeks; returns the rows written."""
    sums = _sum_days(week_start(SalesDaily.sale_date), span)
    _delete(session, SalesWeekly, span.covers(SalesWeekly.week_start))
    return _insert(session, SalesWeekly, sums, {"week_start": sums.c.period})


def rebuild_monthly(session: Session, span: Span) -> int:
    """Sum the daily rows by series and month, for a span of whole months; returns the rows written."""
    sums = _sum_days(year_month(SalesDaily.sale_date), span)
    months = [
        *([SalesMonthly.yearmonth >= f"{span.first:%Y-%m}"] if span.first else []),
        *([SalesMonthly.yearmonth <= f"{span.last:%Y-%m}"] if span.last else []),
    ]
    _delete(session, SalesMonthly, months)
    period = {
        "year": sa.extract("year", sums.c.first_day),
        "month": sa.extract("month", sums.c.first_day),
        "yearmonth": sums.c.period,
    }
    return _insert(session, SalesMonthly, sums, period)


def update_sale_dates(session: Session, span: Span) -> int:
    """Set first and last sale of the leaf series that sold in the span, or did so before; returns how many."""
    first = sa.select(sa.func.min(SalesDaily.sale_date)).where(SalesDaily.series_id == Series.id)
    last = sa.select(sa.func.max(SalesDaily.sale_date)).where(SalesDaily.series_id == Series.id)
    leaves = sa.update(Series).where(Series.location_level == "area", Series.product_level == "product")
    if span.first or span.last:
        sold = sa.select(SalesDaily.series_id).where(*span.covers(SalesDaily.sale_date))
        limits = (sa.and_(*span.covers(limit)) for limit in (Series.first_sale, Series.last_sale))
        leaves = leaves.where(sa.or_(Series.id.in_(sold), *limits))
    dates = {"first_sale": first.scalar_subquery(), "last_sale": last.scalar_subquery()}
    result = session.execute(leaves.values(dates).execution_options(synchronize_session=False))
    return int(getattr(result, "rowcount", 0))


def _sum_days(period: Any, span: Span) -> sa.Subquery:
    """The daily rows of a span summed by series and period."""
    return (
        sa.select(
            SalesDaily.series_id,
            period.label("period"),
            sa.func.min(SalesDaily.sale_date).label("first_day"),
            _sum(SalesDaily.total_sales).label("total_sales"),
            _sum(SalesDaily.total_qty).label("total_qty"),
            sa.func.sum(SalesDaily.transactions).label("transactions"),
        )
        .where(*span.covers(SalesDaily.sale_date))
        .group_by(SalesDaily.series_id, period)
        .subquery()
    )


def _sum(amount: Any) -> sa.Function[Any]:
    """A sum at the 4 decimals of the tables: SQLite adds floats, whose last digits hang on their order."""
    return sa.func.round(sa.func.sum(amount), 4)


def _delete(session: Session, entity: Any, conditions: list[Any]) -> None:
    session.execute(sa.delete(entity).where(*conditions).execution_options(synchronize_session=False))


def _insert(session: Session, entity: Any, sums: sa.Subquery, period: dict[str, Any]) -> int:
    """Write sums by series with the names of the series."""
    columns = {
        **period,
        "series_id": sums.c.series_id,
        "product_id": Series.product_id,
        "region": Series.region,
        "territory": Series.territory,
        "area": Series.area,
        "total_sales": sums.c.total_sales,
        "total_qty": sums.c.total_qty,
        "transactions": sums.c.transactions,
    }
    rows = sa.select(*columns.values()).join_from(sums, Series, Series.id == sums.c.series_id)
    return insert_select(session, entity, list(columns), rows)
