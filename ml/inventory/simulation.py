"""What a stock policy would have served, held and lost: its orders played over the demand that came.

Each day receipts arrive first, then on review days orders are placed, then demand is served; what finds no stock is
lost. A policy sees the days before, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.errors import ConfigurationError
from ml.inventory.policy import Numbers, order_quantity

Floats = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True)
class Levels:
    """When to order and up to what, in units per item: s and S of (s, S). A periodic review has them equal."""

    reorder: Floats
    up_to: Floats

    @classmethod
    def review(cls, up_to: Floats) -> Levels:
        """Up to the same level at each review."""
        return cls(up_to, up_to)


class Policy(Protocol):
    """How stock is kept."""

    def __call__(self, day: int, past: Floats) -> Levels:
        """Levels of a review before `day`, from the demand before it, (items, days), NaN where unknown."""


@dataclass(frozen=True)
class Terms:
    """Days between reviews, days until delivery (one number, or one per item and review), packs and least orders."""

    review: int = 28
    lead: int | Days = 7
    pack: Numbers = 1.0
    minimum: Numbers = 0.0

    def __post_init__(self) -> None:
        if self.review < 1 or np.any(np.asarray(self.lead) < 0):
            raise ConfigurationError(
                f"the review period is {self.review} and the lead time {self.lead}; expected days, at least 1 and 0."
            )

    def lead_days(self, review: int, items: int) -> Days:
        """Days until delivery of what the review with this number orders, (items,)."""
        lead = np.asarray(self.lead, dtype=np.int64)
        return np.broadcast_to(lead if lead.ndim == 0 else lead[:, review % lead.shape[1]], (items,))


@dataclass(frozen=True)
class Costs:
    """What it costs to hold a unit for a day, to miss a unit, and to order once."""

    holding: Numbers
    shortage: Numbers
    order: Numbers = 0.0


@dataclass(frozen=True)
class Outcome:
    """What happened: on hand at the start (items,); received, wanted, served, left and ordered a day, (items, days)."""

    opening: Floats
    received: Floats
    wanted: Floats
    served: Floats
    left: Floats
    ordered: Floats

    @property
    def fill(self) -> float:
        """Units served over units wanted, all items together; 1 where nothing was wanted."""
        return float(self.served.sum() / self.wanted.sum()) if self.wanted.sum() else 1.0

    @cached_property
    def own_fill(self) -> Floats:
        """Fill rates of the items, NaN where nothing was wanted."""
        served, wanted = self.served.sum(axis=1), self.wanted.sum(axis=1)
        return np.asarray(np.divide(served, wanted, out=np.full(len(wanted), np.nan), where=wanted > 0))

    @property
    def item_fill(self) -> float:
        """The mean of the items' own fill rates."""
        return float(np.nanmean(self.own_fill)) if np.isfinite(self.own_fill).any() else 1.0

    @property
    def days_in_stock(self) -> float:
        """Share of items and days on which all demand was served."""
        return float((self.served >= self.wanted).mean())

    @property
    def stock(self) -> float:
        """Mean over days of the units left at their end, all items together."""
        return float(self.left.sum(axis=0).mean())

    @property
    def lost(self) -> float:
        """Units that found no stock."""
        return float((self.wanted - self.served).sum())

    @property
    def orders(self) -> int:
        """Orders placed, one per item and review."""
        return int((self.ordered > 0).sum())

    def value(self, cost: Numbers) -> float:
        """Mean over days of what the stock cost, for a unit cost per item."""
        return float((self.left.mean(axis=1) * cost).sum())

    def cost(self, costs: Costs) -> float:
        """Holding, shortage and ordering together, over all days."""
        short = (self.wanted - self.served).sum(axis=1)
        placed = (self.ordered > 0).sum(axis=1)
        return float((self.left.sum(axis=1) * costs.holding + short * costs.shortage + placed * costs.order).sum())


def simulate(
    policy: Policy, demand: Floats, start: int, terms: Terms | None = None, opening: Floats | None = None
) -> Outcome:
    """Play `policy` over `demand` (items, days; NaN counts as none) from the day `start` on.

    Stock starts at `opening`, or at the policy's first level. Reviews are at `start` and every `terms.review` days.
    """
    terms = terms or Terms()
    items, days = len(demand), demand.shape[1] - start
    if days < 1:
        raise ConfigurationError(f"the replay starts at day {start} of {demand.shape[1]}; expected an earlier day.")
    wanted = np.maximum(np.nan_to_num(demand[:, start:]), 0.0)
    stock = np.ceil(policy(start, demand[:, :start]).up_to) if opening is None else np.maximum(opening, 0.0)
    due, ordered = np.zeros((items, days)), np.zeros((items, days))
    received, served, left = np.zeros((items, days)), np.zeros((items, days)), np.zeros((items, days))
    first, coming, rows = stock, np.zeros(items), np.arange(items)
    for day in range(days):
        received[:, day] = due[:, day]
        coming = coming - due[:, day]
        stock = stock + due[:, day]
        if day % terms.review == 0:
            levels = policy(start + day, demand[:, : start + day])
            units = order_quantity(stock + coming, levels.reorder, levels.up_to, terms.pack, terms.minimum)
            arrival = day + terms.lead_days(day // terms.review, items)
            at_once = np.where(arrival == day, units, 0.0)
            stock, received[:, day] = stock + at_once, received[:, day] + at_once
            later = (arrival > day) & (arrival < days)
            np.add.at(due, (rows[later], arrival[later]), units[later])
            coming, ordered[:, day] = coming + units - at_once, units
        served[:, day] = np.minimum(stock, wanted[:, day])
        stock = stock - served[:, day]
        left[:, day] = stock
    return Outcome(first, received, wanted, served, left, ordered)


def compare(
    policies: Mapping[str, Policy], demand: Floats, start: int, terms: Terms | None = None
) -> dict[str, Outcome]:
    """Each policy over the same demand."""
    return {name: simulate(policy, demand, start, terms) for name, policy in policies.items()}


def cheapest(outcomes: Mapping[str, Outcome], costs: Costs, floor: str) -> str:
    """The name that cost least, for choosing a model by what its decisions cost; `floor` where none beats it."""
    least = min(outcomes, key=lambda name: outcomes[name].cost(costs))
    return least if outcomes[least].cost(costs) < outcomes[floor].cost(costs) else floor
