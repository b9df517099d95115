"""What to order today: levels by each item's rules, quantities, dates, and what happens without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from ml.errors import DataError
from ml.inventory.demand import Demand, Sums
from ml.inventory.levels import Cycle, levels_of
from ml.inventory.policy import order_quantity, shelf_life_cap
from ml.inventory.projection import Projection, project
from ml.inventory.rules import Alarms, Rules
from ml.inventory.stock import ASSUMED_LEAD, Flags, Receipts, Stock, check
from ml.inventory.suppliers import Supplier

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

TOLERANCE = 0.1
"""Share of the level to order up to by which advice may change without being changed."""
CHUNK = 2_000


@dataclass(frozen=True)
class Inputs:
    """What a plan is made from. `demand` is (items, days) from `today` on; `rules` and `rule`, (items,), say how each
    item is kept: `rules[rule[i]]`. `previous` is yesterday's advice in units, NaN for none; `booked` see `project`."""

    stock: Stock
    demand: Demand
    receipts: Receipts
    suppliers: tuple[Supplier, ...]
    rules: Sequence[Rules]
    rule: Codes
    today: date
    previous: Floats | None = None
    booked: Floats | None = None
    alarms: Alarms = field(default_factory=Alarms)
    assumed_lead: float = ASSUMED_LEAD

    def __post_init__(self) -> None:
        items = len(self.stock)
        for name, found in (("demand", len(self.demand.mean)), ("rule", len(self.rule))):
            if found != items:
                raise DataError(f"{name} has {found} rows; expected {items}, one per item.")


@dataclass(frozen=True)
class Timing:
    """Days from today, (items,): until the next order, until it arrives, until that of the review after arrives."""

    order: Floats
    arrival: Floats
    cover: Floats


@dataclass(frozen=True)
class Plan:
    """Advice per item, (items,) each: `quantity` is what to order, on the days of `timing`.

    `fresh` is what today's numbers alone say; where `kept`, `quantity` is yesterday's advice, as they differ little.
    `position` is available stock and what arrives in time, `reorder` and `up_to` the levels; `expected` and `spread`
    the demand until the stock can be filled up again (`timing.cover` days) and its deviation. `flags` are the warnings.
    `stock` is the one that was planned (see `check`).
    """

    stock: Stock
    timing: Timing
    position: Floats
    reorder: Floats
    up_to: Floats
    expected: Floats
    spread: Floats
    quantity: Floats
    fresh: Floats
    kept: Flags
    flags: dict[str, Flags]
    projection: Projection

    @property
    def value(self) -> Floats:
        """What the quantities cost; NaN where a cost is not known."""
        return np.where(self.quantity > 0, self.quantity * self.stock.cost, 0.0)


def make_plan(inputs: Inputs) -> Plan:
    """Plan all items; those with flawed data carry a flag and are planned with what is assumed."""
    wanted = inputs.demand.total
    stock, flags = check(inputs.stock, inputs.suppliers, wanted, inputs.assumed_lead)
    timing = timing_of(stock, inputs)
    cycle, lead = totals(inputs.demand, timing, stock.lead_spread)
    reorder, up_to = levels_of(inputs.rules, inputs.rule, stock, Cycle(cycle, lead, timing.cover - timing.arrival))
    position = stock.available + inputs.receipts.within(timing.cover)
    fresh = order_quantity(position, reorder, up_to, stock.pack, stock.minimum)
    fresh = np.where(wanted > 0, _that_keeps(fresh, position, stock, inputs.demand, timing), 0.0)
    projection = project(
        stock, inputs.demand, inputs.receipts, alarms=inputs.alarms, lost_before=timing.cover, booked=inputs.booked
    )
    previous = np.full(len(stock), np.nan) if inputs.previous is None else inputs.previous
    kept = keeps_advice(fresh, previous, up_to, projection.alert == 2)
    quantity = np.where(kept, previous, fresh)
    return Plan(
        stock, timing, position, reorder, up_to, cycle.mean, cycle.sd, quantity, fresh, kept, flags, projection
    )  # fmt: skip


def timing_of(stock: Stock, inputs: Inputs) -> Timing:
    """When orders can be placed and arrive, by each supplier's calendar and each item's lead time and review period."""
    review = np.array([rules.review_days for rules in inputs.rules], dtype=np.float64)[inputs.rule]
    order, arrival, cover = np.zeros(len(stock)), stock.lead.copy(), review + stock.lead
    for place, supplier in enumerate(inputs.suppliers):
        calendar, mine = supplier.calendar, np.flatnonzero(stock.supplier == place)
        if calendar is None or not len(mine):
            continue
        first = calendar.next_order(inputs.today)
        pairs, which = np.unique(np.stack([stock.lead[mine], review[mine]], axis=1), axis=0, return_inverse=True)
        dates = []
        for lead, days in pairs.tolist():
            whole = int(np.ceil(lead))
            following = calendar.next_order(first + timedelta(days=int(days)))
            dates.append((first, calendar.delivery(first, whole), calendar.delivery(following, whole)))
        found = np.array([[(day - inputs.today).days for day in row] for row in dates], dtype=np.float64)
        order[mine], arrival[mine], cover[mine] = found[which.ravel()].T
    return Timing(order, arrival, cover)


def totals(demand: Demand, timing: Timing, lead_spread: Floats) -> tuple[Sums, Sums]:
    """Demand until the review after next delivers, and until the next delivery; `lead_spread` is how both may slip."""
    parts = []
    for start in range(0, len(timing.cover), CHUNK):
        rows = slice(start, start + CHUNK)
        longest = int(np.ceil(timing.cover[rows].max()))
        part = demand.only(rows).until(max(longest, 1)).sums()
        parts.append([part.over(days[rows], lead_spread[rows]) for days in (timing.cover, timing.arrival)])
    cycle, lead = (
        Sums(np.concatenate([found[i].mean for found in parts]), np.concatenate([found[i].sd for found in parts]))
        for i in (0, 1)
    )
    return cycle, lead


def keeps_advice(fresh: Floats, previous: Floats, up_to: Floats, urgent: Flags) -> Flags:
    """Where yesterday's advice stays: it differs by at most a tenth of the level, and nothing urgent gets less."""
    differs = np.abs(fresh - np.nan_to_num(previous))
    small = np.isfinite(previous) & (differs > 0) & (differs <= TOLERANCE * up_to)
    return np.asarray(small & ~(urgent & (np.nan_to_num(previous) < fresh)))


def _that_keeps(quantity: Floats, position: Floats, stock: Stock, demand: Demand, timing: Timing) -> Floats:
    """No more than sells before it spoils."""
    spoils = np.flatnonzero((stock.shelf_life >= 0) & (quantity > 0))
    if not len(spoils):
        return quantity
    life = (timing.arrival + stock.shelf_life)[spoils]
    part = demand.only(spoils).until(int(np.ceil(life.max())) or 1)
    sold = part.sums().over(life).mean
    out = quantity.copy()
    out[spoils] = shelf_life_cap(quantity[spoils], position[spoils], sold, stock.pack[spoils])
    return out
