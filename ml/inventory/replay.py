"""Policies by name, replayed on one ground: what each would have served, held, lost and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import models
from ml.errors import ConfigurationError, DataError
from ml.inventory.families import AVERAGE, LEARNED
from ml.inventory.interval import IntervalDemand
from ml.inventory.policies import FillPolicy, IntervalForecasts, ModelForecasts, MovingAverage, ServicePolicy
from ml.inventory.policy import Numbers
from ml.inventory.simulation import Costs, Outcome, Policy, Terms
from ml.panel import Panel

Floats = NDArray[np.float64]
Family = Callable[[float], Policy]
"""A policy at a level of its safety; those of one family share their forecasts."""

LEARN_DAYS = 91
"""Days after which models of sales learn anew; between them they are carried on with what was sold."""


@dataclass(frozen=True)
class Ground:
    """What policies are replayed on: the last `days` days of `panel` by `terms`.

    `lead` is how many days until delivery they reckon with (one number, or one per item); `costs` judge them, `unit` is
    what a unit costs and `price` what it brings.
    """

    panel: Panel
    days: int
    terms: Terms
    lead: Numbers
    costs: Costs
    unit: Numbers = 1.0
    price: Numbers = 1.0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.panel.freq != "D" or self.start <= 0:
            raise DataError(
                f"the panel has {len(self.panel.periods)} {self.panel.freq} periods; "
                f"expected more than {self.days} days, since policies learn from those before the replayed ones."
            )

    @property
    def start(self) -> int:
        """The first column that is replayed."""
        return len(self.panel.periods) - self.days

    @property
    def cover(self) -> Floats:
        """Days that an order of each item has to last, (items,)."""
        return np.broadcast_to(np.asarray(self.lead, dtype=np.float64) + self.terms.review, (len(self.panel.ids),))

    def forecasts(self, model: str) -> ModelForecasts:
        """Forecasts of days by a model of `ml.models`; raises ConfigurationError for one that there is not."""
        days = int(np.ceil(self.cover.max()))
        every = max(1, LEARN_DAYS // self.terms.review)
        return ModelForecasts(self.panel, lambda: models.create(model, horizon=days, threads=self.threads), days, every)


def family_of(name: str, ground: Ground) -> Family:
    """The policies that a name stands for; raises ConfigurationError for one that there is not."""
    cover = ground.cover
    if name == AVERAGE:
        return lambda factor: MovingAverage(cover, factor)
    if name == LEARNED:
        usual = int(np.ceil(np.median(cover)))
        totals = IntervalForecasts(ground.panel, IntervalDemand(usual, threads=ground.threads))
        return lambda fill: FillPolicy(totals, _share(name, fill), cover / usual)
    if name not in models.NAMES:
        known = ", ".join((AVERAGE, LEARNED, *models.NAMES))
        raise ConfigurationError(f"the policy is {name!r}; expected one of {known}, with a number behind a colon.")
    made = ground.forecasts(name)
    return lambda service: ServicePolicy(made, _share(name, service), cover)


def _share(name: str, level: float) -> float:
    if not 0 < level < 1:
        raise ConfigurationError(
            f"the policy is '{name}:{level:g}'; expected a share above 0 and below 1, such as 0.95."
        )
    return level


def described(outcome: Outcome, ground: Ground) -> Iterator[tuple[str, float]]:
    """What a replay came to: shares served, mean stock in units and at cost, what was lost, orders, and all costs."""
    lost = (outcome.wanted - outcome.served).sum(axis=1)
    yield "fill", round(outcome.fill, 4)
    yield "item_fill", round(outcome.item_fill, 4)
    yield "days_in_stock", round(outcome.days_in_stock, 4)
    yield "stock", round(outcome.stock, 1)
    yield "stock_value", round(outcome.value(ground.unit), 2)
    yield "lost", round(outcome.lost, 1)
    yield "lost_value", round(float((lost * ground.price).sum()), 2)
    yield "orders", outcome.orders
    yield "cost", round(outcome.cost(ground.costs), 2)


def draw_leads(mean: Floats, spread: Floats, reviews: int, seed: int = 0) -> NDArray[np.int64]:
    """Days until delivery of each item and review, (items, reviews), whole ones around those that were measured."""
    drawn = np.random.default_rng(seed).normal(size=(len(mean), reviews)) * spread[:, None]
    return np.maximum(np.rint(mean[:, None] + drawn), 0).astype(np.int64)
