"""The formulas of stock policies: pure, over single numbers or arrays of items alike.

Sources: [SPT] Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed. 2017; [SS] Snyder &
Shen, Fundamentals of Supply Chain Theory, 2nd ed. 2019; [CM] Chopra & Meindl, Supply Chain Management, 5th ed. 2013.
Quantities are units, times are periods of the demand (days, as the plan uses them), costs are of one currency.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ml.errors import ConfigurationError

Floats = NDArray[np.float64]
Numbers = float | Floats

SAFETY_FACTOR = 1.2
"""What expected demand is multiplied by in the simple mode."""
WIDEST = 8.0
"""Standard deviations beyond which no safety factor is looked for."""
HALVINGS = 50


def eoq(fixed_cost: Numbers, holding_cost: Numbers, demand: Numbers) -> Floats:
    """Economic order quantity √(2Kλ/h) [SS 3.4]: fixed cost of an order, cost of holding a unit for a period, and
    demand per period."""
    _expect(np.all(np.asarray(holding_cost) > 0), "the holding cost", "above 0", holding_cost)
    return np.sqrt(2.0 * np.asarray(fixed_cost) * demand / holding_cost)


def eoq_cost(quantity: Numbers, fixed_cost: Numbers, holding_cost: Numbers, demand: Numbers) -> Floats:
    """Cost per period of ordering `quantity` each time: Kλ/Q + hQ/2 [SS 3.3]."""
    return np.asarray(np.asarray(fixed_cost) * demand / quantity + np.asarray(holding_cost) * quantity / 2.0)


def critical_ratio(overage_cost: Numbers, underage_cost: Numbers) -> Floats:
    """The probability of no shortage that costs least, p / (h + p) [SS 4.17]: `overage_cost` of a unit left over,
    `underage_cost` of a unit short."""
    total = np.asarray(overage_cost, dtype=np.float64) + underage_cost
    _expect(np.all(total > 0), "the sum of overage and underage cost", "above 0", total)
    return np.asarray(underage_cost / total, dtype=np.float64)


def newsvendor(overage_cost: Numbers, underage_cost: Numbers, mean: Numbers, sd: Numbers) -> Floats:
    """Order-up-to level of one selling season with normal demand: μ + σ Φ⁻¹(p / (h + p)) [SS 4.24]."""
    return np.asarray(mean + service_factor(critical_ratio(overage_cost, underage_cost)) * sd)


def newsvendor_cost(
    level: Numbers, overage_cost: Numbers, underage_cost: Numbers, mean: Numbers, sd: Numbers
) -> Floats:
    """Expected cost of having `level` units: h E(S − D)⁺ + p E(D − S)⁺ [SS 4.6]."""
    short = expected_shortage(level, mean, sd)
    over = np.asarray(level) - mean + short
    return np.asarray(np.asarray(overage_cost) * over + np.asarray(underage_cost) * short)


def service_factor(cycle_service: Numbers) -> Floats:
    """Standard deviations of safety for a probability of no shortage in a cycle: Φ⁻¹ [SPT 6.7]."""
    share = np.asarray(cycle_service, dtype=np.float64)
    _expect(np.all((share > 0) & (share < 1)), "the service level", "between 0 and 1", cycle_service)
    return np.asarray(ndtri(share), dtype=np.float64)


def standard_loss(factor: Numbers) -> Floats:
    """Expected units short of a standard normal demand: φ(z) − z (1 − Φ(z)) [SS C.3]."""
    z = np.asarray(factor, dtype=np.float64)
    return np.asarray(np.exp(-z * z / 2.0) / np.sqrt(2.0 * np.pi) - z * ndtr(-z))


def expected_shortage(level: Numbers, mean: Numbers, sd: Numbers) -> Floats:
    """Expected units of normal demand above `level`, σ L((S − μ) / σ) [CM 12.8]; without spread what is missing."""
    level, mean, sd = np.broadcast_arrays(*(np.asarray(part, dtype=np.float64) for part in (level, mean, sd)))
    spread = np.where(sd > 0, sd, 1.0)
    return np.where(sd > 0, spread * standard_loss((level - mean) / spread), np.maximum(mean - level, 0.0))


def fill_factor(fill_rate: Numbers, quantity: Numbers, sd: Numbers) -> Floats:
    """Standard deviations of safety for a share of units served from stock: L(z) = (1 − β) Q / σ [SPT 6.9].

    `quantity` is what a cycle sells (an order's quantity, or demand between reviews), `sd` the standard deviation of
    demand over the time that an order has to protect. Found by halving; 0 where nothing varies.
    """
    fill, quantity, sd = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (fill_rate, quantity, sd))
    )
    _expect(np.all((fill > 0) & (fill < 1)), "the fill rate", "between 0 and 1", fill_rate)
    wanted = (1.0 - fill) * quantity / np.where(sd > 0, sd, 1.0)
    low, high = np.full(fill.shape, -WIDEST), np.full(fill.shape, WIDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        short = standard_loss(middle) > wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(sd > 0, (low + high) / 2.0, 0.0)


def lead_time_sd(sd: Numbers, mean: Numbers, lead_time: Numbers, lead_time_spread: Numbers = 0.0) -> Floats:
    """Standard deviation of demand over an uncertain lead time: √(L σ² + μ² σ_L²) [CM 12.11, SPT 6.67].

    `mean` and `sd` are those of a period's demand (or of the error of its forecast), periods independent.
    """
    return np.asarray(np.sqrt(np.asarray(lead_time) * np.square(sd) + np.square(np.asarray(mean) * lead_time_spread)))


def reorder_point(mean: Numbers, safety_stock: Numbers) -> Floats:
    """Order when stock on hand and on order falls to this: demand over the lead time and safety stock [SPT 6.6]."""
    return np.asarray(np.asarray(mean, dtype=np.float64) + safety_stock)


def order_up_to(mean: Numbers, safety_stock: Numbers) -> Floats:
    """Level of a periodic review (R, S): demand over review and lead time, and safety stock [SPT 6.45, CM 12.16]."""
    return np.asarray(np.asarray(mean, dtype=np.float64) + safety_stock)


def simple_level(mean: Numbers, factor: Numbers = SAFETY_FACTOR) -> Floats:
    """The simple mode: expected demand over the time to cover, times a safety factor."""
    return np.asarray(np.asarray(mean, dtype=np.float64) * factor)


def order_quantity(
    position: Numbers, reorder: Numbers, up_to: Numbers, pack: Numbers = 1.0, minimum: Numbers = 0.0
) -> Floats:
    """Units to order under (s, S): up to S once `position` is at or below s, in whole packs, at least `minimum`.

    `position` counts what is on hand and on order, less what is promised. With s = S this is a periodic review, with s
    and S given by hand a min/max policy.
    """
    needed = np.where(np.asarray(position) <= reorder, np.maximum(np.asarray(up_to) - position, 0.0), 0.0)
    return np.where(needed > 0, whole_packs(np.maximum(needed, minimum), pack), 0.0)


def whole_packs(quantity: Numbers, pack: Numbers = 1.0) -> Floats:
    """The least whole number of packs that holds `quantity`, give or take a ten-millionth of a pack."""
    _expect(np.all(np.asarray(pack) > 0), "the pack size", "above 0", pack)
    return np.asarray(np.ceil(np.asarray(quantity) / pack - 1e-7) * pack)


def shelf_life_cap(quantity: Numbers, position: Numbers, demand_over_life: Numbers, pack: Numbers = 1.0) -> Floats:
    """At most what sells before it spoils: whole packs within the demand of the shelf life, less what is there."""
    room = np.maximum(np.asarray(demand_over_life) - position, 0.0)
    return np.minimum(np.asarray(quantity, dtype=np.float64), np.floor(room / pack + 1e-7) * pack)


def _expect(holds: object, what: str, expected: str, found: object) -> None:
    if not holds:
        raise ConfigurationError(f"{what} is {found}; expected {expected}.")
