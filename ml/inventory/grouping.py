"""Orders by supplier: what is ordered together, and what is added where that makes freight free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.inventory.plan import Plan
from ml.inventory.suppliers import Supplier

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

REACH = 0.25
"""Share of the threshold that may be missing for items to be ordered ahead."""
AHEAD_DAYS = 14
"""Days of demand by which an item may be ordered ahead."""


@dataclass(frozen=True)
class SupplierOrder:
    """What goes to one supplier: `rows` of the plan and their `units`, of which `added` are ordered ahead to reach
    `free_from`. `value` leaves out items without a cost; `missing` is what freight still lacks to be free (0: free, or
    never so)."""

    supplier: Supplier
    rows: Codes
    units: Floats
    added: Floats
    value: float
    missing: float


def group_orders(plan: Plan, suppliers: tuple[Supplier, ...], ahead_days: float = AHEAD_DAYS) -> list[SupplierOrder]:
    """One order per supplier that is owed one, the largest first."""
    made = []
    for place, supplier in enumerate(suppliers):
        mine = np.flatnonzero(plan.stock.supplier == place)
        if (plan.quantity[mine] > 0).any():
            made.append(_order(plan, supplier, mine, ahead_days))
    return sorted(made, key=lambda order: -order.value)


def _order(plan: Plan, supplier: Supplier, mine: Codes, ahead_days: float) -> SupplierOrder:
    cost = np.nan_to_num(plan.stock.cost[mine])
    units = plan.quantity[mine]
    value, free_from = float((units * cost).sum()), supplier.free_from or 0.0
    added = np.zeros(len(mine))
    if 0 < free_from - value <= REACH * free_from:
        added = _ahead(plan, mine, free_from - value, ahead_days)
    value += float((added * cost).sum())
    used = units + added > 0
    return SupplierOrder(
        supplier, mine[used], (units + added)[used], added[used], value, max(free_from - value, 0.0)
    )  # fmt: skip


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
