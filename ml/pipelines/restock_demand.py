"""Demand of items day by day, in units, from the published forecasts, which are in currency and of any grain and level.

An item takes the finest grain in which its own series is forecast (daily, weekly, monthly), and where that ends the
next coarser one. One that is forecast only as a part of a wider series gets its share of that one's sales: of the mean
in proportion, of the deviation by the root of the share, as parts that vary by themselves do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.overrides import OverrideDelta
from ml.db.results import ForecastResult, ForecastRun
from ml.db.sales import SalesDaily, SalesMonthly
from ml.errors import DataError
from ml.etl.extract import Level, read_frame, read_leaves, unique_ids
from ml.grains import DAILY, GRAINS, MONTHLY, WEEKLY, newest_sale
from ml.inventory.demand import BAND, CORRELATION, Demand

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FINEST_FIRST = (DAILY, WEEKLY, MONTHLY)
YEAR = 12
"""Months of sales that shares and units per currency are taken from."""
PROFILE_DAYS = 56
"""Days of sales that the weights of weekdays are taken from."""
OWN = Level("area", "product")


@dataclass(frozen=True)
class Leaves:
    """Areas x products as they sell: `frame` has `leaf` (its series), the NAMES, `amount` and `units` of the last year,
    and `item`, the row of the item that it belongs to (-1 for none)."""

    frame: pd.DataFrame

    @property
    def rate(self) -> Floats:
        """Units per currency of each leaf; where it sold nothing those of its product; NaN where that sold nothing."""
        own = ratio(self.frame["units"], self.frame["amount"])
        sums = self.frame.groupby("product_id")[["units", "amount"]].transform("sum")
        return np.where(np.isnan(own), ratio(sums["units"], sums["amount"]), own)


def ratio(upper: pd.Series[float], lower: pd.Series[float]) -> Floats:
    """The quotient; NaN unless both are above 0."""
    above = (upper.to_numpy() > 0) & (lower.to_numpy() > 0)
    found = np.divide(upper.to_numpy(), lower.to_numpy(), out=np.full(len(upper), np.nan), where=above)
    return np.asarray(found, dtype=np.float64)


def published_runs(session: Session) -> list[ForecastRun]:
    """The published runs, the finest grain first; raises DataError where there is none."""
    runs = {run.grain: run for run in session.scalars(sa.select(ForecastRun).where(ForecastRun.slot.in_(GRAINS)))}
    if not runs:
        raise DataError("there is no published forecast to plan the stock by; import sales and forecast them first.")
    return [runs[grain.name] for grain in FINEST_FIRST if grain.name in runs]


def read_leaves_of(session: Session, areas: Sequence[str], products: Codes, as_of: date) -> Leaves:
    """All leaves with their sales of the year up to the month of `as_of`; `areas` and `products` name the items."""
    frame = read_leaves(session)
    first, last = MONTHLY.shift(MONTHLY.start(as_of), 1 - YEAR), MONTHLY.start(as_of)
    mine = SalesMonthly
    columns: list[Any] = [mine.series_id, sa.func.sum(mine.total_sales), sa.func.sum(mine.total_qty)]
    year = (
        sa.select(*columns)
        .where(SalesMonthly.yearmonth.between(f"{first:%Y-%m}", f"{last:%Y-%m}"))
        .group_by(SalesMonthly.series_id)
    )
    sold = read_frame(session, year, ["leaf", "amount", "units"])
    frame = frame.merge(sold, on="leaf", how="left").fillna({"amount": 0.0, "units": 0.0})
    frame = frame.astype({"amount": float, "units": float})
    items = pd.DataFrame({"area": list(areas), "product_id": products, "item": np.arange(len(areas))})
    frame = frame.merge(items, on=["area", "product_id"], how="left")
    return Leaves(frame.assign(item=frame["item"].fillna(-1).astype(np.int64)))


def read_demand(session: Session, leaves: Leaves, prices: Floats, today: date, days: int) -> Demand:
    """Demand of the items on the `days` days from `today` on, (items, days); what is not forecast is 0.

    `prices` (items,), NaN where unknown, turn currency into units where no quantities were sold.
    """
    made = _Matrices(np.full((len(prices), days), np.nan), np.full((len(prices), days), np.nan), today)
    weights = weekday_weights(session)
    rate = leaves.rate
    price = np.append(prices, np.nan)[leaves.frame["item"]]  # -1 is the last one
    rate = np.where(np.isnan(rate), ratio(pd.Series(np.ones(len(price))), pd.Series(np.nan_to_num(price))), rate)
    runs = published_runs(session)
    for own in (True, False):
        for run in runs:
            if (Level(run.location_level, run.product_level) == OWN) == own and np.isnan(made.mean).any():
                made.fill(_of_items(session, run, leaves, np.nan_to_num(rate), len(prices)), weights)
    return made.demand()


@dataclass(frozen=True)
class _Periods:
    """Forecasts of items by period, (items, periods), NaN where there is none: `mean` and `sd` in units."""

    run: ForecastRun
    starts: list[date]
    mean: Floats
    sd: Floats


@dataclass(frozen=True)
class _Matrices:
    mean: Floats
    sd: Floats
    today: date

    def fill(self, found: _Periods, weights: Floats) -> None:
        """Take what is missing from forecasts of periods: spread by weekday such that each period keeps its own."""
        grain = GRAINS[found.run.grain]
        for place, start in enumerate(found.starts):
            length = (grain.last_day(start) - start).days + 1
            at = np.arange(length) + (start - self.today).days
            share = weights[(start.weekday() + np.arange(length)) % 7]
            share = share / share.sum()
            root = np.sqrt(share) / np.sqrt(1.0 - CORRELATION + CORRELATION * np.sqrt(share).sum() ** 2)
            seen = (at >= 0) & (at < self.mean.shape[1])
            at, share, root = at[seen], share[seen], root[seen]
            missing = np.isnan(self.mean[:, at]) & ~np.isnan(found.mean[:, place])[:, None]
            self.mean[:, at] = np.where(missing, found.mean[:, place][:, None] * share, self.mean[:, at])
            self.sd[:, at] = np.where(missing, found.sd[:, place][:, None] * root, self.sd[:, at])

    def demand(self) -> Demand:
        """Days beyond the last forecast repeat the week before them."""
        mean, sd = self.mean, self.sd
        known = ~np.isnan(mean).all(axis=0)
        ends = int(np.flatnonzero(known).max(initial=-1)) + 1
        filled = Demand(np.nan_to_num(mean[:, :ends]), np.nan_to_num(sd[:, :ends]))
        return filled.until(mean.shape[1]) if ends else Demand(np.zeros_like(mean), np.zeros_like(sd))


def weekday_weights(session: Session) -> Floats:
    """How much of a week's sales falls on each weekday, Monday first, (7,): of all sales, since those of one item are
    few. A day without any keeps a thousandth of the mean."""
    last = newest_sale(session)
    if last is None:
        return np.ones(7)
    by_day = (
        sa.select(SalesDaily.sale_date, sa.func.sum(SalesDaily.total_sales))
        .where(SalesDaily.sale_date > last - timedelta(days=PROFILE_DAYS))
        .group_by(SalesDaily.sale_date)
    )
    sums = np.zeros(7)
    for day, amount in session.execute(by_day):
        sums[day.weekday()] += max(float(amount), 0.0)
    return sums + max(float(sums.mean()), 1e-6) / 1_000.0


def _of_items(session: Session, run: ForecastRun, leaves: Leaves, rate: Floats, items: int) -> _Periods:
    """The forecasts of a run for each item: of its leaves, or its leaves' shares of the series that are forecast."""
    frame = leaves.frame
    level = Level(run.location_level, run.product_level)
    keys = unique_ids(frame, level)
    ids = _ids_of(session, run)
    base = keys.map(ids).fillna(-1).to_numpy(np.int64)
    share = _shares(frame["amount"].to_numpy(), np.asarray(base, dtype=np.int64))
    starts, series, mean, sd = _wide(session, run)
    place = pd.Index(series).get_indexer(pd.Index(base))
    used = np.flatnonzero((frame["item"].to_numpy() >= 0) & (place >= 0))
    own, part = frame["item"].to_numpy()[used], share[used]
    leaf_mean = mean[place[used]] * part[:, None]
    leaf_mean += _own_deltas(session, run, starts, frame["leaf"].to_numpy()[used]) if level != OWN else 0.0
    units = rate[used][:, None]
    sums, squares = np.zeros((items, len(starts))), np.zeros((items, len(starts)))
    np.add.at(sums, own, np.maximum(leaf_mean, 0.0) * units)
    np.add.at(squares, own, (sd[place[used]] * np.sqrt(part)[:, None] * units) ** 2)
    none = ~np.isin(np.arange(items), own)
    sums[none], squares[none] = np.nan, np.nan
    return _Periods(run, starts, sums, np.maximum(np.sqrt(squares), np.sqrt(sums)))


def _shares(amount: Floats, base: Codes) -> Floats:
    """What part of its base series each leaf has: by sales of a year, evenly where there were none."""
    sold, code = np.maximum(amount, 0.0), base + 1
    totals, counts = np.bincount(code, sold), np.bincount(code)
    return np.where(totals[code] > 0, sold / np.where(totals > 0, totals, 1.0)[code], 1.0 / counts[code])


def _ids_of(session: Session, run: ForecastRun) -> dict[str, int]:
    """The ids of the run's base series by key in hex."""
    level = (Series.location_level == run.location_level, Series.product_level == run.product_level)
    return {row.key.hex(): row.id for row in session.execute(sa.select(Series.id, Series.key).where(*level))}


def _wide(session: Session, run: ForecastRun) -> tuple[list[date], Codes, Floats, Floats]:
    """The base forecasts of a run with what people changed: periods, series, means and deviations (series, periods)."""
    mine = ForecastResult
    columns: list[Any] = [mine.series_id, mine.period, mine.mean, mine.p10, mine.p90]
    query = (
        sa.select(*columns)
        .join(Series, Series.id == mine.series_id)
        .where(
            mine.run_id == run.id,
            Series.location_level == run.location_level,
            Series.product_level == run.product_level,
        )
    )
    rows = read_frame(session, query, ["series", "period", "mean", "p10", "p90"])
    code, series = pd.factorize(rows["series"])
    at, starts = pd.factorize(rows["period"], sort=True)
    mean, sd = np.full((len(series), len(starts)), np.nan), np.full((len(series), len(starts)), np.nan)
    mean[code, at] = np.maximum(rows["mean"], 0.0)
    sd[code, at] = np.maximum(rows["p90"] - rows["p10"], 0.0) / BAND
    periods = list(starts)
    changed = np.maximum(mean + _own_deltas(session, run, periods, np.asarray(series)), 0.0)
    scale = np.divide(changed, mean, out=np.ones_like(mean), where=mean > 0)
    return periods, np.asarray(series, dtype=np.int64), changed, sd * scale


def _own_deltas(session: Session, run: ForecastRun, starts: list[date], series: Codes) -> Floats:
    """What overrides add to these very series, (series, periods)."""
    found = np.zeros((len(series), len(starts)))
    mine = OverrideDelta
    query = (
        sa.select(mine.series_id, mine.period, sa.func.sum(mine.amount))
        .where(mine.run_id == run.id)
        .group_by(mine.series_id, mine.period)
    )
    rows = {int(number): place for place, number in enumerate(series)}
    columns = {start: place for place, start in enumerate(starts)}
    for number, period, amount in session.execute(query):
        if number in rows and period in columns:
            found[rows[number], columns[period]] = float(amount)
    return found
