"""Reorder points and order-up-to levels by rule, from the demand that a stock has to last for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.inventory.demand import Sums
from ml.inventory.policy import critical_ratio, eoq, simple_level
from ml.inventory.rules import Rules
from ml.inventory.stock import Stock

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

YEAR = 365.0
SURE = 0.999
"""A probability of no shortage that costs may ask for at most."""
MARGIN = 0.3
"""What a unit missed costs as a share of its cost, where no price is known."""


@dataclass(frozen=True)
class Cycle:
    """Demand until the review after next delivers (`whole`), until the next delivery (`lead`), and the days `between`
    the two, (items,)."""

    whole: Sums
    lead: Sums
    between: Floats

    def of(self, rows: Codes) -> Cycle:
        """Of some items."""
        whole, lead = (Sums(sums.mean[rows], sums.sd[rows]) for sums in (self.whole, self.lead))
        return Cycle(whole, lead, self.between[rows])

    @property
    def sold(self) -> Floats:
        """Expected demand between two deliveries."""
        return np.maximum(self.whole.mean - self.lead.mean, 0.0)


@dataclass(frozen=True)
class Money:
    """Of a unit, (items,): its `cost`, that of `holding` it for a day, and of its `shortage`; 0 for not known."""

    cost: Floats
    holding: Floats
    shortage: Floats

    @classmethod
    def of(cls, rules: Rules, cost: Floats, price: Floats) -> Money:
        """By a rule; without one of its own a unit missed costs the margin, and a usual margin without a price."""
        known = np.maximum(np.nan_to_num(cost), 0.0)
        shortage = np.where(price > known, price - known, MARGIN * known)
        if rules.shortage_cost is not None:
            shortage = np.full(len(cost), rules.shortage_cost)
        return cls(known, known * rules.holding_rate / YEAR, shortage)


def levels_of(rules: Sequence[Rules], rule: Codes, stock: Stock, cycle: Cycle) -> tuple[Floats, Floats]:
    """Reorder point s and level S of each item, (items,); `rule` says which of `rules` is its own."""
    reorder, up_to = np.zeros(len(stock)), np.zeros(len(stock))
    for place, own in enumerate(rules):
        mine = np.flatnonzero(rule == place)
        if len(mine):
            money = Money.of(own, stock.cost[mine], stock.price[mine])
            reorder[mine], up_to[mine] = _levels(own, cycle.of(mine), money)
    return reorder, up_to


def _levels(rules: Rules, cycle: Cycle, money: Money) -> tuple[Floats, Floats]:
    if rules.kind == "min_max":
        return np.full(len(money.cost), rules.least), np.full(len(money.cost), rules.most)
    if rules.kind == "simple":
        level = simple_level(cycle.whole.mean, rules.safety_factor)
        return level, level
    if rules.kind == "newsvendor":  # what is left over spoils
        level = cycle.whole.quantile(_ratio(money.cost, money.shortage, rules.target))
        return level, level
    safe = _safe_level(rules, cycle, money)
    return safe, safe + _lot(rules, cycle, money)


def _safe_level(rules: Rules, cycle: Cycle, money: Money) -> Floats:
    """The level that meets the rule's target over a cycle."""
    if rules.service == "fill":
        return cycle.whole.level_for_fill(rules.target, cycle.sold)
    if rules.service == "cost":
        return cycle.whole.quantile(_ratio(money.holding * cycle.between, money.shortage, rules.target))
    return cycle.whole.quantile(rules.target)


def _lot(rules: Rules, cycle: Cycle, money: Money) -> Floats:
    """What is ordered beyond the level that triggers: nothing at reviews, else the economic quantity; at a reorder
    point no less than the demand between two deliveries."""
    if rules.kind == "review":
        return np.zeros(len(money.cost))
    daily = np.divide(cycle.sold, cycle.between, out=np.zeros_like(cycle.sold), where=cycle.between > 0)
    priced = money.holding > 0
    lot = np.where(priced, eoq(rules.order_cost, np.where(priced, money.holding, 1.0), daily), cycle.sold)
    return lot if rules.kind == "eoq" else np.maximum(lot, cycle.sold)


def _ratio(overage: Floats, underage: Floats, target: float) -> Floats:
    """The critical ratio; the rule's target where no cost is known."""
    known = (overage > 0) & (underage > 0)
    ratio = critical_ratio(np.where(known, overage, 1.0), np.where(known, underage, 1.0))
    return np.where(known, np.clip(ratio, 1.0 - SURE, SURE), target)
