"""Suppliers: when they take orders and deliver, how long they take by what was measured, and where freight is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml.errors import ConfigurationError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

EVERY_DAY = "1111111"
FEWEST_ORDERS = 3
"""Received orders of a product from which on its own lead times are believed; below, its supplier's count."""


@dataclass(frozen=True)
class Calendar:
    """Weekdays (Monday first, '1' for open) on which a supplier takes orders and delivers; days closed for both."""

    orders: str = EVERY_DAY
    deliveries: str = EVERY_DAY
    closed: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        for name, days in (("order", self.orders), ("delivery", self.deliveries)):
            if len(days) != 7 or set(days) - {"0", "1"} or "1" not in days:
                raise ConfigurationError(
                    f"the {name} days are {days!r}; expected a digit per weekday, 1 for open: '1111100'."
                )

    def next_order(self, day: date) -> date:
        """The first day from `day` on that takes orders."""
        return self._roll(day, self.orders)

    def delivery(self, ordered: date, lead_days: int) -> date:
        """When an order arrives: after `lead_days`, on the next day of delivery."""
        return self._roll(date.fromordinal(ordered.toordinal() + lead_days), self.deliveries)

    def _roll(self, day: date, week: str) -> date:
        found = np.busday_offset(np.datetime64(day, "D"), 0, roll="forward", weekmask=week, holidays=list(self.closed))
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(found.astype(np.int64)))


@dataclass(frozen=True)
class Supplier:
    """Who delivers. `free_from` is the value of an order from which freight is free, None where it never is; `minimum`
    the least value of one."""

    name: str
    calendar: Calendar | None = None
    free_from: float | None = None
    minimum: float = 0.0


@dataclass(frozen=True)
class LeadTimes:
    """Mean days from order to delivery, their standard deviation, and how many orders tell so; NaN where none does."""

    mean: Floats
    spread: Floats
    orders: Codes


def measure_lead_times(product: Codes, supplier: Codes, days: Floats, of: Codes, by: Codes) -> LeadTimes:
    """Lead times of the products `of` that the suppliers `by` deliver, (items,), from received orders.

    `product`, `supplier` and `days` (from order to delivery, NaN while open) are (orders,). A product with fewer than
    three received orders takes the mean and spread of its supplier's.
    """
    known = np.isfinite(days) & (days >= 0)
    own = _moments(product[known], days[known], of)
    all_of_it = _moments(supplier[known], days[known], by)
    enough = own.orders >= FEWEST_ORDERS
    return LeadTimes(
        np.where(enough, own.mean, all_of_it.mean),
        np.where(enough, own.spread, all_of_it.spread),
        np.where(enough, own.orders, all_of_it.orders),
    )


def _moments(codes: Codes, days: Floats, wanted: Codes) -> LeadTimes:
    """Mean, deviation (of a sample) and count by code; codes below 0 are unknown."""
    size = int(max(codes.max(initial=-1), wanted.max(initial=-1))) + 1
    valid = codes >= 0
    codes, days = codes[valid], days[valid]
    count = np.bincount(codes, minlength=size)
    total, squares = (np.bincount(codes, values, minlength=size) for values in (days, days**2))
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    variance = np.divide(squares - count * mean**2, count - 1, out=np.zeros(size), where=count > 1)
    place, found = np.maximum(wanted, 0), wanted >= 0
    if size == 0:
        nothing = np.full(len(wanted), np.nan)
        return LeadTimes(nothing, nothing, np.zeros(len(wanted), dtype=np.int64))
    spread = np.where(count > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    return LeadTimes(
        np.where(found, mean[place], np.nan), np.where(found, spread[place], np.nan), np.where(found, count[place], 0)
    )
