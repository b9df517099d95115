"""Which members are tried how far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ml.budget import Budget
from ml.models.base import FittedPoints, PointModel, Points
from ml.models.naive import SEASONAL_NAIVE, SeasonalNaive
from ml.models.trial import SAMPLE, run_trial
from ml.panel import Panel
from tests.panels import seasonal_panel


@dataclass
class Guess:
    """Forecasts a multiple of seasonal naive, and remembers how many series it was fitted to."""

    name: str
    factor: float
    series: list[int] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def fit(self, panel: Panel) -> FittedGuess:
        self.series.append(len(panel.ids))
        return FittedGuess(self, SeasonalNaive().fit(panel))


@dataclass
class FittedGuess:
    made_by: Guess
    naive: FittedPoints

    @property
    def features(self) -> list[str]:
        return []

    def update(self, panel: Panel) -> FittedGuess:
        return self.made_by.fit(panel)

    def predict(self, horizon: int, known: dict[str, np.ndarray]) -> Points:
        made = self.naive.predict(horizon, known)
        return Points(made.mean * self.made_by.factor, made.model)


def tried(panel: Panel, *members: PointModel, budget: Budget | None = None) -> list[str]:
    """The members that were tried on all origins."""
    named = {member.name: member for member in members}
    return list(run_trial(named, panel, 3, 3, np.array([]), (), budget=budget).made)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return seasonal_panel(series=12, periods=48)


def test_a_hopeless_member_is_tried_on_one_origin_only(panel: Panel) -> None:
    hopeless, useful = Guess("hopeless", 9.0), Guess("useful", 1.01)
    assert tried(panel, SeasonalNaive(), hopeless, useful) == [SEASONAL_NAIVE, "useful"]
    assert (len(hopeless.series), len(useful.series)) == (1, 3)


def test_a_hopeless_model_of_single_series_is_tried_on_a_sample_only() -> None:
    many = seasonal_panel(series=3 * SAMPLE, periods=30)
    hopeless, useful = Guess("theta", 9.0), Guess("ces", 1.0)
    assert tried(many, SeasonalNaive(), hopeless, useful) == [SEASONAL_NAIVE, "ces"]
    assert hopeless.series == [SAMPLE]
    assert useful.series == [SAMPLE, *[3 * SAMPLE] * 3]


def test_without_time_the_first_member_alone_is_tried(panel: Panel) -> None:
    second = Guess("second", 1.0)
    assert tried(panel, SeasonalNaive(), second, budget=Budget(0.0)) == [SEASONAL_NAIVE]
    assert second.series == []
