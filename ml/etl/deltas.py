"""What changed in the sales by series and day, and the aggregates moved by it: no row is summed twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, insert_rows, insert_select, scratch_table
from ml.db.catalog import Series
from ml.db.functions import year_month
from ml.db.sales import SalesDaily, SalesMonthly, SalesWeekly
from ml.db.types import Amount, BigId, Day

Numbers = npt.NDArray[np.int64]
DAYS = 1 << 16
"""Days since 1970 are below this, so that series and day fit one number."""
UNITS = 10_000
"""Sums are kept as whole numbers of the 4th decimal: exact, and the same in any order."""
MOST = 700_000
"""Pairs of series and day that are kept in memory; beyond them the tables are moved in between."""
WAITING = 200_000
"""Pairs of single chunks that wait until they are summed up with the rest."""
BLOCK = 100_000
"""Pairs that are moved at a time: as Python values and in a scratch table they take ten times their memory."""
TYPES = {
    "series_id": BigId,
    "period": Day,
    "total_sales": Amount,
    "total_qty": Amount,
    "transactions": sa.Integer(),
}
EPOCH = date(1970, 1, 1).toordinal()


class Deltas:
    """Sums up rows that came (sign 1) or went (sign -1) until `apply` moves the aggregates by them."""

    def __init__(self, session: Session) -> None:
        self.series: set[int] = set()
        self.first_day: date | None = None
        self.last_day: date | None = None
        self._session = session
        self._pairs = _empty()
        self._pending: list[Numbers] = []
        self._waiting = 0

    def add(  # noqa: PLR0917 - the columns of the rows
        self,
        series: npt.NDArray[Any],
        days: npt.NDArray[Any],
        amounts: npt.NDArray[Any],
        quantities: npt.NDArray[Any],
        counts: npt.NDArray[Any] | int = 1,
        sign: int = 1,
    ) -> None:
        """Rows, or sums of `counts` rows: series ids, days since 1970, currency and units."""
        if not len(series):
            return
        rows = np.empty((4, len(series)), dtype=np.int64)
        rows[0] = series * DAYS + days
        rows[1], rows[2] = np.rint(amounts * UNITS), np.rint(quantities * UNITS)
        rows[3] = counts
        rows[1:] *= sign
        self._pending.append(_summed(rows[0], rows[1:]))
        self._waiting += self._pending[-1].shape[1]
        if self._waiting >= WAITING:
            self._settle()
            if self._pairs.shape[1] >= MOST:
                self.apply()

    def add_sums(self, query: sa.Select[Any], sign: int) -> None:
        """The result of a query of series, day, sums of amount and quantity, and count."""
        for rows in self._session.execute(query).partitions(100_000):
            series, days, amounts, quantities, counts = zip(*rows, strict=True)
            numbers = [day.toordinal() - EPOCH for day in days]
            sums = np.array([amounts, quantities], dtype=float)
            pairs = np.array([series, numbers, counts], dtype=np.int64)
            self.add(pairs[0], pairs[1], sums[0], sums[1], counts=pairs[2], sign=sign)

    def apply(self) -> None:
        """Move the aggregates by what was added, and forget it; the caller commits."""
        self._settle()
        series, days = np.divmod(self._pairs[0], DAYS)
        if not len(series):
            return
        _move(self._session, SalesDaily, self._pairs)
        _move(self._session, SalesWeekly, _summed(series * DAYS + _mondays(days), self._pairs[1:]))
        _move(self._session, SalesMonthly, _summed(series * DAYS + _first_days(days), self._pairs[1:]))
        touched = np.unique(series).tolist()
        self._note(touched, days)
        _date_series(self._session, touched)
        self._pairs = _empty()

    def _settle(self) -> None:
        if self._pending:
            rows = np.concatenate([self._pairs, *self._pending], axis=1)
            self._pairs, self._pending, self._waiting = _summed(rows[0], rows[1:]), [], 0

    def _note(self, series: Sequence[int], days: Numbers) -> None:
        self.series.update(series)
        first, last = (date.fromordinal(EPOCH + int(day)) for day in (days.min(), days.max()))
        self.first_day = min(first, self.first_day or first)
        self.last_day = max(last, self.last_day or last)


def _empty() -> Numbers:
    return np.empty((4, 0), dtype=np.int64)


def _mondays(days: Numbers) -> Numbers:
    return days - (days + 3) % 7


def _first_days(days: Numbers) -> Numbers:
    """The first days of the days' months."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _summed(pairs: Numbers, sums: Numbers) -> Numbers:
    """One column a distinct pair, in ascending order: the pair, and its sums."""
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    found = np.empty((4, len(starts)), dtype=np.int64)
    found[0] = ordered[starts]
    for number in range(3):
        found[number + 1] = np.add.reduceat(sums[number][order], starts)
    return found


def _move(session: Session, entity: Any, sums: Numbers) -> None:
    """Add sums by series and period to the rows of an aggregate: new ones are made, empty ones go."""
    empty = session.scalar(sa.select(entity.id).order_by(entity.id).limit(1)) is None
    for start in range(0, sums.shape[1], BLOCK):
        with scratch_table(session, "sales_deltas", TYPES, key=() if empty else ("series_id", "period")) as deltas:
            insert_rows(session, deltas, _columns(_changed(sums[:, start : start + BLOCK])))
            if not empty:
                _update(session, entity, deltas)
            _insert(session, entity, deltas, empty)


def _changed(sums: Numbers) -> Numbers:
    """The sums without those of nothing."""
    return sums[:, sums[1:].any(axis=0)]


def _columns(sums: Numbers) -> dict[str, list[Any]]:
    series, days = np.divmod(sums[0], DAYS)
    names, codes = np.unique(days, return_inverse=True)
    dates = np.array([date.fromordinal(EPOCH + int(day)) for day in names], dtype=object)
    return {
        "series_id": series.tolist(),
        "period": dates[codes].tolist(),
        "total_sales": (sums[1] / UNITS).tolist(),
        "total_qty": (sums[2] / UNITS).tolist(),
        "transactions": sums[3].tolist(),
    }


def _same(entity: Any, deltas: sa.Table) -> Any:
    if entity is SalesMonthly:
        period = SalesMonthly.yearmonth == year_month(deltas.c.period)
    else:
        period = (SalesWeekly.week_start if entity is SalesWeekly else SalesDaily.sale_date) == deltas.c.period
    return sa.and_(entity.series_id == deltas.c.series_id, period)


def _update(session: Session, entity: Any, deltas: sa.Table) -> None:
    """Change the rows that are there already, starting from the deltas, which are fewer; rows of nothing go."""
    same = _same(entity, deltas)
    ids = sa.select(entity.id).join_from(deltas, entity, same)
    by = {
        name: sa.select(deltas.c[name]).where(same).correlate(entity).scalar_subquery()
        for name in ("total_sales", "total_qty", "transactions")
    }
    change = {
        "total_sales": sa.func.round(entity.total_sales + by["total_sales"], 4),
        "total_qty": sa.func.round(entity.total_qty + by["total_qty"], 4),
        "transactions": entity.transactions + by["transactions"],
    }
    quiet = {"synchronize_session": False}
    session.execute(sa.update(entity).where(entity.id.in_(ids)).values(change).execution_options(**quiet))
    empty = sa.delete(entity).where(entity.id.in_(ids), entity.transactions == 0)
    session.execute(empty.execution_options(**quiet))


def _insert(session: Session, entity: Any, deltas: sa.Table, empty: bool) -> None:
    """Write the rows that are new, with the names of their series."""
    columns = {
        **_period(entity, deltas),
        "series_id": deltas.c.series_id,
        "product_id": Series.product_id,
        "region": Series.region,
        "territory": Series.territory,
        "area": Series.area,
        "total_sales": deltas.c.total_sales,
        "total_qty": deltas.c.total_qty,
        "transactions": deltas.c.transactions,
    }
    rows = sa.select(*columns.values()).join_from(deltas, Series, Series.id == deltas.c.series_id)
    rows = rows.where(deltas.c.transactions > 0)
    if not empty:
        rows = rows.where(~sa.select(sa.literal(1)).where(_same(entity, deltas)).exists())
    insert_select(session, entity, list(columns), rows)


def _period(entity: Any, deltas: sa.Table) -> dict[str, Any]:
    day = deltas.c.period
    if entity is SalesMonthly:
        return {"year": sa.extract("year", day), "month": sa.extract("month", day), "yearmonth": year_month(day)}
    return {"week_start" if entity is SalesWeekly else "sale_date": day}


def _date_series(session: Session, touched: Sequence[int]) -> None:
    """Set first and last sale of series."""
    first = sa.select(sa.func.min(SalesDaily.sale_date)).where(SalesDaily.series_id == Series.id)
    last = sa.select(sa.func.max(SalesDaily.sale_date)).where(SalesDaily.series_id == Series.id)
    dates = {"first_sale": first.scalar_subquery(), "last_sale": last.scalar_subquery()}
    for some in in_lists(touched):
        change = sa.update(Series).where(Series.id.in_(some)).values(dates)
        session.execute(change.execution_options(synchronize_session=False))
