"""Orders by supplier: what is ordered together, what is added to reach a minimum or free freight, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray

from ml.inventory.plan import Plan, Timing
from ml.inventory.suppliers import Calendar, Supplier

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

REACH = 0.25
"""Share of the free-freight threshold that may be missing for items to be ordered ahead."""
AHEAD_DAYS = 14
"""Days of demand by which an item may be ordered ahead."""
PRESSED_DAYS = 60
"""The same where something is urgent and the supplier would not take the order otherwise."""


@dataclass(frozen=True)
class SupplierOrder:
    """What goes to one supplier: `rows` of the plan and their `units`, of which `added` are ordered ahead to reach its
    minimum or free freight. `value` leaves out items without a cost; `missing` is what freight still lacks to be free,
    `short` what the minimum lacks (0: nothing, or there is none). `waits` says that it is put off for that."""

    supplier: Supplier
    rows: Codes
    units: Floats
    added: Floats
    value: float
    missing: float
    short: float
    waits: bool


def group_orders(plan: Plan, suppliers: tuple[Supplier, ...], ahead_days: float = AHEAD_DAYS) -> list[SupplierOrder]:
    """One order per supplier that is owed one, the largest first."""
    made = []
    for place, supplier in enumerate(suppliers):
        mine = np.flatnonzero(plan.stock.supplier == place)
        if (plan.quantity[mine] > 0).any():
            made.append(_order(plan, supplier, mine, ahead_days))
    return sorted(made, key=lambda order: -order.value)


def apply_orders(plan: Plan, orders: list[SupplierOrder], today: date) -> tuple[Plan, dict[int, str]]:
    """The plan with what its orders add and put off, and by row what is to be said of that."""
    quantity, notes = plan.quantity.copy(), dict[int, str]()
    timing = Timing(plan.timing.order.copy(), plan.timing.arrival.copy(), plan.timing.cover)
    for order in orders:
        quantity[order.rows] = order.units
        if order.waits:
            _put_off(order, plan.timing, timing, today)
        for row, added in zip(order.rows.tolist(), order.added.tolist(), strict=True):
            if note := " ".join(_notes(order, added, today + timedelta(days=int(timing.order[row])))):
                notes[row] = note
    return replace(plan, quantity=quantity, timing=timing), notes


def _order(plan: Plan, supplier: Supplier, mine: Codes, ahead_days: float) -> SupplierOrder:
    cost, units = np.nan_to_num(plan.stock.cost[mine]), plan.quantity[mine]
    value, added = float((units * cost).sum()), np.zeros(len(mine))
    urgent = bool((plan.projection.alert[mine][units > 0] == 2).any())
    priced = bool((cost[units > 0] > 0).all())
    for target, days in _targets(supplier, value, ahead_days, pressed=urgent):
        added = _ahead(plan, mine, target - value, days)
        if added.any():
            break
    value += float((added * cost).sum())
    short = max(supplier.minimum - value, 0.0) if priced else 0.0
    used = units + added > 0
    return SupplierOrder(
        supplier, mine[used], (units + added)[used], added[used], value,
        missing=max((supplier.free_from or 0.0) - value, 0.0), short=short, waits=short > 0 and not urgent,
    )  # fmt: skip


def _targets(supplier: Supplier, value: float, ahead_days: float, *, pressed: bool) -> Iterator[tuple[float, float]]:
    """The values to fill an order up to, the best first, and by how many days of demand at most."""
    free_from, least = supplier.free_from or 0.0, supplier.minimum
    if 0 < free_from - max(value, least) <= REACH * free_from:
        yield free_from, ahead_days
    if value < least:
        yield least, ahead_days
        if pressed:
            yield least, PRESSED_DAYS


def _ahead(plan: Plan, mine: Codes, missing: float, ahead_days: float) -> Floats:
    """Whole packs of items that are needed next, until the order is worth `missing` more; nothing where that cannot be.

    Nothing is added to what spoils, is dead, or has no cost.
    """
    stock, cover = plan.stock, np.maximum(plan.timing.cover[mine], 1.0)
    daily, pack, cost = plan.expected[mine] / cover, stock.pack[mine], stock.cost[mine]
    able = (cost > 0) & ~plan.projection.dead[mine] & ~np.isfinite(stock.shelf_life[mine])
    packs = np.where(able, np.floor(daily * ahead_days / pack), 0.0)
    after = (plan.position + plan.quantity)[mine] / np.maximum(daily, 1e-9)
    added = np.zeros(len(mine))
    for row in np.argsort(after, kind="stable").tolist():
        if packs[row] <= 0:
            continue
        price = float(cost[row] * pack[row])
        taken = min(packs[row], np.ceil(missing / price))
        added[row] = taken * pack[row]
        missing -= taken * price
        if missing <= 0:
            return added
    return np.zeros(len(mine))


def _put_off(order: SupplierOrder, was: Timing, timing: Timing, today: date) -> None:
    """Move the rows of an order to the supplier's next day of orders, one review period on."""
    rows, calendar = order.rows, order.supplier.calendar or Calendar()
    later = today + timedelta(days=ceil(float((was.order + was.cover - was.arrival)[rows].min())))
    day = calendar.next_order(later)
    lead = np.ceil(was.arrival - was.order)[rows]
    timing.order[rows] = (day - today).days
    timing.arrival[rows] = [(calendar.delivery(day, int(days)) - today).days for days in lead.tolist()]


def _notes(order: SupplierOrder, added: float, day: date) -> Iterator[str]:
    """What is to be said of a row of an order."""
    name, least = order.supplier.name, order.supplier.minimum
    if added > 0:
        why = f"freight of {name} is then free" if order.missing == 0 and order.supplier.free_from else (
            f"{name} takes no order below {least:,.0f}"
        )  # fmt: skip
        yield f"{added:,.0f} of them are ordered ahead: {why}."
    if order.waits:
        yield (
            f"Put off to {day}: {name} takes no order below {least:,.0f}, this one is worth {order.value:,.0f}, and "
            "nothing in it is urgent."
        )
    elif order.short > 0:
        yield (
            f"{name} takes no order below {least:,.0f}; this one is urgent and worth {order.value:,.0f}: ask for an "
            "exception, or for another supplier."
        )
