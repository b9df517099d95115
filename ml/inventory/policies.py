"""Policies for the replay: a moving average, any forecasting model, and the model of whole intervals.

Each learns from days before the review alone: it takes the panel up to there and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.inventory.demand import Demand, Sums
from ml.inventory.interval import FittedInterval, IntervalDemand, Spread
from ml.inventory.levels import Cycle, levels_of
from ml.inventory.policy import SAFETY_FACTOR, Numbers, simple_level
from ml.inventory.rules import Rules
from ml.inventory.simulation import Levels
from ml.inventory.stock import Stock
from ml.models.base import Forecaster
from ml.panel import Panel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MovingAverage:
    """The simple mode over a moving average: its mean a day, times the `days` to cover (one number, or one per item),
    times a safety factor."""

    days: Numbers
    factor: float = SAFETY_FACTOR
    window: int = 28

    def __call__(self, day: int, past: Floats) -> Levels:  # noqa: ARG002 - the same rule on every day
        """See `simulation.Policy`."""
        mean = np.nan_to_num(past[:, -self.window :]).mean(axis=1)
        return Levels.review(simple_level(mean * self.days, self.factor))


@dataclass
class IntervalForecasts:
    """Expected totals of the days to cover at each review, and their spread; learned anew every `every` reviews.

    More often than once a year forecast no better, and moved the safety by chance. Totals are kept by day, so that
    policies with other levels of service take the same ones.
    """

    panel: Panel
    model: IntervalDemand
    every: int = 13
    _made: dict[int, tuple[Floats, Spread]] = field(default_factory=dict, repr=False)
    _fitted: FittedInterval | None = field(default=None, repr=False)

    def at(self, day: int) -> tuple[Floats, Spread]:
        """Expected totals (items of the panel,) of the days from `day` on, 0 for what has not begun; and the spread."""
        if day not in self._made:
            past = known_before(self.panel, day)
            if self._fitted is None or len(self._made) % self.every == 0:
                self._fitted = self.model.fit(past)
            mean = pd.Series(self._fitted.mean(past), index=past.ids).reindex(self.panel.ids).fillna(0.0)
            self._made[day] = np.asarray(mean, dtype=np.float64), self._fitted.spread
        return self._made[day]


@dataclass(frozen=True)
class FillPolicy:
    """Order up to what serves the share `fill` of all units together.

    `stretch` is how much longer than the learned stretch each item has to last (one number, or one per item).
    """

    forecasts: IntervalForecasts
    fill: float
    stretch: Numbers = 1.0

    def __call__(self, day: int, past: Floats) -> Levels:  # noqa: ARG002 - the panel holds it, with its dates
        """See `simulation.Policy`."""
        mean, spread = self.forecasts.at(day)
        return Levels.review(spread.level(mean * self.stretch, self.fill))


@dataclass
class ModelForecasts:
    """Demand of the `days` days to come by any model of `ml.models`, fitted at the first review, then carried on.

    `create` makes one that has not been fitted. Every `every` reviews it learns again.
    """

    panel: Panel
    create: Callable[[], Forecaster]
    days: int
    every: int
    _made: dict[int, Sums] = field(default_factory=dict, repr=False)
    _fitted: Forecaster | None = field(default=None, repr=False)

    def at(self, day: int) -> Sums:
        """Totals from `day` to the end of each of the `days` days, (items of the panel, days)."""
        if day not in self._made:
            past = known_before(self.panel, day)
            fresh = self._fitted is None or len(self._made) % self.every == 0
            self._fitted = self.create().fit(past) if self._fitted is None or fresh else self._fitted.update(past)
            frame = self._fitted.predict(self.days, self.panel.future(past.last, self.days))
            mean, low, high = (
                frame.pivot_table(index="unique_id", columns="ds", values=name)
                .reindex(self.panel.ids)
                .to_numpy(dtype=np.float64)
                for name in ("mean", "p10", "p90")
            )
            self._made[day] = Demand.from_quantiles(mean, low, high).sums()
        return self._made[day]


@dataclass(frozen=True)
class ServicePolicy:
    """Order up to what lasts `cover` days (of each item; None: all that are forecast) with probability `service`, by a
    model's forecasts of days."""

    forecasts: ModelForecasts
    service: float
    cover: Floats | None = None

    def __call__(self, day: int, past: Floats) -> Levels:  # noqa: ARG002 - see FillPolicy
        """See `simulation.Policy`."""
        sums = self.forecasts.at(day)
        cover = np.full(len(sums.mean), float(self.forecasts.days)) if self.cover is None else self.cover
        return Levels.review(sums.over(cover).quantile(self.service))


@dataclass(frozen=True)
class RulesPolicy:
    """The rules of items as the daily plan keeps them, `rules[rule[i]]`, by a model's forecasts of days.

    `stock` holds their lead times, costs and prices; reviews are `review` days apart, those of the replay.
    """

    forecasts: ModelForecasts
    rules: Sequence[Rules]
    rule: NDArray[np.int64]
    stock: Stock
    review: int

    def __call__(self, day: int, past: Floats) -> Levels:  # noqa: ARG002 - see FillPolicy
        """See `simulation.Policy`."""
        sums, lead = self.forecasts.at(day), self.stock.lead
        whole, until = (sums.over(days, self.stock.lead_spread) for days in (lead + self.review, lead))
        cycle = Cycle(whole, until, np.full(len(lead), float(self.review)))
        return Levels(*levels_of(self.rules, self.rule, self.stock, cycle))


def known_before(panel: Panel, day: int) -> Panel:
    """The panel up to the day before column `day` of its matrices."""
    return panel.until(panel.periods[day - 1])
