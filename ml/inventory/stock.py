"""The stock that is planned: one row per item (a product in a place), as arrays, with what is wrong with its data."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError
from ml.inventory import rules
from ml.inventory.suppliers import Supplier

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

ASSUMED_LEAD = 14.0
"""Days that are assumed where no lead time is known."""


@dataclass(frozen=True)
class Receipts:
    """Open orders: `units` of `item` (its row) that arrive `day` days from today, all (orders,). Late ones have 0."""

    item: Codes
    day: Codes
    units: Floats

    @classmethod
    def none(cls) -> Receipts:
        """Nothing on order."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def by_day(self, start: int, end: int, days: int) -> Floats:
        """Units a day of the items from `start` up to `end`, (items, days)."""
        out = np.zeros((end - start, days))
        here = (self.item >= start) & (self.item < end) & (self.day < days)
        np.add.at(out, (self.item[here] - start, np.maximum(self.day[here], 0)), self.units[here])
        return out

    def within(self, days: Floats) -> Floats:
        """Units that arrive before `days` days have passed, (items,)."""
        soon = self.day < days[self.item]
        return np.bincount(self.item[soon], self.units[soon], minlength=len(days)).astype(np.float64)


@dataclass(frozen=True)
class Stock:
    """Items, all (items,). NaN stands for what is not known.

    `on_hand` and `reserved` are units; `cost` and `price` are of a unit; `supplier` is a place in the plan's suppliers,
    -1 for none; `lead` and `lead_spread` are days; `pack` and `minimum` units of an order; `shelf_life` days (NaN: it
    keeps); `idle` days since it was last wanted.
    """

    ids: NDArray[np.object_]
    on_hand: Floats
    reserved: Floats
    cost: Floats
    price: Floats
    supplier: Codes
    lead: Floats
    lead_spread: Floats
    pack: Floats
    minimum: Floats
    shelf_life: Floats
    idle: Floats

    def __post_init__(self) -> None:
        wrong = [name for name, values in vars(self).items() if len(values) != len(self.ids)]
        if wrong:
            found = len(getattr(self, wrong[0]))
            raise DataError(f"{wrong[0]} has {found} rows; expected {len(self.ids)}, one per item.")

    @classmethod
    def of(cls, ids: list[str], on_hand: Floats, **known: Floats | Codes) -> Stock:
        """With what is not given unknown: no cost, no supplier, no lead time; single units, no least order."""
        count = len(ids)
        unknown, nothing = np.full(count, np.nan), np.zeros(count)
        names = ("cost", "price", "lead", "lead_spread", "shelf_life")
        given: dict[str, Floats | Codes] = dict.fromkeys(names, unknown)
        given |= {"reserved": nothing, "minimum": nothing, "idle": nothing, "pack": np.ones(count)}
        given["supplier"] = np.full(count, -1)
        return cls(np.array(ids, dtype=object), on_hand, **{**given, **known})  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, rows: Codes) -> Stock:
        """Some items."""
        return Stock(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def available(self) -> Floats:
        """Units on hand that are not promised."""
        return np.maximum(self.on_hand - self.reserved, 0.0)


def check(
    stock: Stock, suppliers: tuple[Supplier, ...], expected: Floats, assumed_lead: float = ASSUMED_LEAD
) -> tuple[Stock, dict[str, Flags]]:
    """The stock with what is missing assumed, and by warning (see `rules.WARNINGS`) the rows that it is about.

    `expected` is the demand of the whole forecast, (items,).
    """
    no_calendar = np.array([supplier.calendar is None for supplier in suppliers] + [False])
    unknown = ~(stock.lead >= 0)
    flags = {
        rules.UNKNOWN_LEAD_TIME: unknown,
        rules.NEGATIVE_STOCK: stock.on_hand < 0,
        rules.MISSING_PRICE: ~(stock.cost > 0),
        rules.ZERO_DEMAND: ~(expected > 0),
        rules.NO_CALENDAR: no_calendar[stock.supplier],
        rules.NO_SUPPLIER: stock.supplier < 0,
    }
    planned = replace(
        stock,
        on_hand=np.maximum(np.nan_to_num(stock.on_hand), 0.0),
        reserved=np.maximum(np.nan_to_num(stock.reserved), 0.0),
        lead=np.where(unknown, assumed_lead, stock.lead),
        lead_spread=np.maximum(np.nan_to_num(stock.lead_spread), 0.0),
        pack=np.where(stock.pack > 0, stock.pack, 1.0),
        minimum=np.maximum(np.nan_to_num(stock.minimum), 0.0),
    )
    return planned, flags


def warnings_of(row: int, stock: Stock, flags: dict[str, Flags], assumed_lead: float = ASSUMED_LEAD) -> dict[str, str]:
    """The warnings of a row, by name, in words; `stock` is the one before `check`."""
    return {
        name: rules.WARNINGS[name].format(days=assumed_lead, on_hand=float(stock.on_hand[row]))
        for name, rows in flags.items()
        if rows[row]
    }
