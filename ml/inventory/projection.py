"""Stock day by day: what is likely left, when it runs out, what is lost, and what is too much.

Demand follows one of a few paths: the total up to each day is its quantile at one share, the same for all days. Each
path is played against stock and receipts: on each, stock plus receipts less what was served is what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.inventory.demand import Demand
from ml.inventory.rules import Alarms
from ml.inventory.stock import Receipts, Stock

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Days = NDArray[np.int64]

SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
WEIGHTS = (0.06, 0.14, 0.2, 0.2, 0.2, 0.14, 0.06)
"""The paths, and the share of all cases that each stands for."""
P10, P50, P90 = (SHARES.index(share) for share in (0.9, 0.5, 0.1))
"""Much demand leaves little stock."""
CHUNK = 2_000
"""Items at a time: bounds the memory."""
NEVER = -1
TRACE = 1e-6


@dataclass(frozen=True)
class Projection:
    """Stock at the end of each day without new orders, (items, days): `p10`, `p50`, `p90`; the rest is (items,).

    `out_day` is the first day from today (0) on which likely demand (P50) is not met, `out_early` that of much demand
    (on P10 of stock), -1 for never; `lost` the expected units lost before the day that was asked for; `cover` the days
    that the stock on hand lasts by expected demand, infinite without any; `excess` the units beyond the demand of many
    days (P90), `excess_value` what they cost; `alert` is 2 for urgent, 1 for warning; `dead` what nobody wants.
    """

    p10: Small
    p50: Small
    p90: Small
    out_day: Days
    out_early: Days
    lost: Floats
    cover: Floats
    excess: Floats
    excess_value: Floats
    alert: NDArray[np.int8]
    dead: NDArray[np.bool_]


def project(
    stock: Stock,
    demand: Demand,
    receipts: Receipts,
    *,
    alarms: Alarms | None = None,
    lost_before: Floats | None = None,
    booked: Floats | None = None,
) -> Projection:
    """Play demand against stock and open orders over all days of the forecast.

    `stock` has passed `check`. `lost_before` says until which day lost sales count (items,), None for all. `booked` are
    units a day, (items, days), that customers have ordered and that are not reserved: demand up to a day is no less.
    """
    items, days = demand.mean.shape
    alarms, until = alarms or Alarms(), np.full(items, np.inf) if lost_before is None else lost_before
    bands = np.empty((3, items, days), dtype=np.float32)
    out, lost = np.full((2, items), NEVER), np.zeros(items)
    cover, excess = np.zeros(items), np.zeros(items)
    for start in range(0, items, CHUNK):
        rows = slice(start, min(start + CHUNK, items))
        part = demand.only(rows)
        paths = _paths(part, None if booked is None else booked[rows])
        arriving = receipts.by_day(rows.start, rows.stop, days)
        bands[:, rows], out[:, rows], lost[rows] = _play(stock.available[rows], paths, arriving, until[rows])
        cover[rows] = days_of_cover(stock.available[rows], part)
        excess[rows] = _excess(stock.available[rows], part, alarms.excess_days)
    alert = np.where(cover <= alarms.urgent_days, 2, np.where(cover <= alarms.warning_days, 1, 0)).astype(np.int8)
    dead = (stock.on_hand > 0) & (stock.idle >= alarms.dead_days)
    value = excess * np.nan_to_num(stock.cost)
    return Projection(bands[0], bands[1], bands[2], out[0], out[1], lost, cover, excess, value, alert, dead)


def days_of_cover(available: Floats, demand: Demand) -> Floats:
    """Days that stock lasts by expected demand, parts included; beyond the forecast by its mean."""
    mean = demand.mean
    sums = np.cumsum(mean, axis=1)
    enough = (sums <= available[:, None]).sum(axis=1)
    days = mean.shape[1]
    place = np.minimum(enough, days - 1)
    rows = np.arange(len(mean))
    before = np.where(enough > 0, sums[rows, np.maximum(place - 1, 0)], 0.0)
    daily = np.where(enough < days, mean[rows, place], demand.forecast.mean(axis=1))
    left = available - np.where(enough < days, before, sums[:, -1])
    more = np.divide(left, daily, out=np.full(len(mean), np.inf), where=daily > TRACE)
    return np.asarray(enough + more, dtype=np.float64)


def _paths(demand: Demand, booked: Floats | None) -> Floats:
    """Demand of each day on each path, (paths, days, items), never negative."""
    sums = demand.sums()
    totals = np.stack([sums.quantile(share).T for share in SHARES])
    if booked is not None:
        totals = np.maximum(totals, np.cumsum(booked, axis=1).T)
    totals = np.maximum.accumulate(totals, axis=1)
    return np.diff(totals, axis=1, prepend=0.0)


def _play(available: Floats, paths: Floats, arriving: Floats, until: Floats) -> tuple[Small, Days, Floats]:
    """Bands of stock (3, items, days), days of running out (P50 and P10 of stock) and expected lost units."""
    shares, days, items = paths.shape
    stock = np.broadcast_to(available, (shares, items)).copy()
    bands = np.empty((3, items, days), dtype=np.float32)
    out = np.full((2, items), NEVER)
    lost, weights = np.zeros(items), np.asarray(WEIGHTS)
    for day in range(days):
        stock += arriving[:, day]
        stock -= paths[:, day]
        short = np.maximum(-stock, 0.0)
        np.maximum(stock, 0.0, out=stock)
        bands[:, :, day] = stock[[P10, P50, P90]]
        for kind, path in enumerate((P50, P10)):
            out[kind] = np.where((out[kind] == NEVER) & (short[path] > TRACE), day, out[kind])
        lost += np.where(day < until, weights @ short, 0.0)
    return bands, out, lost


def _excess(available: Floats, demand: Demand, days: int) -> Floats:
    """Units on hand beyond what much demand (P90) takes in `days` days."""
    sums = demand.until(days).sums()
    wanted = type(sums)(sums.mean[:, -1], sums.sd[:, -1]).quantile(0.9)
    return np.maximum(available - wanted, 0.0)
