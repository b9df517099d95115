"""Races the models inside a panel's own past and serves the better one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pandas as pd

from ml.errors import DataError
from ml.evaluation.backtest import backtest
from ml.evaluation.metrics import score
from ml.evaluation.origins import plan_cutoffs
from ml.evaluation.selection import Choice, choose
from ml.models.base import Forecaster
from ml.models.conformal import CALIBRATED_STEPS
from ml.panel import Panel
from ml.quantiles import LEVELS


@dataclass
class AutoForecaster:
    """A Forecaster that picks among others by a backtest inside the panel that it learns from.

    `candidates` makes each by name, the floor first; `horizon` is how far ahead they are
    compared (None: as far as their bands are calibrated).
    """

    candidates: Mapping[str, Callable[[], Forecaster]]
    horizon: int | None = None
    windows: int = 2
    name: str = "auto"
    _winner: Forecaster | None = field(default=None, init=False, repr=False)
    _choice: Choice | None = field(default=None, init=False, repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        return {"candidates": list(self.candidates), "horizon": self.horizon, "windows": self.windows}

    @property
    def features(self) -> list[str]:
        return self._fitted.features

    @property
    def choice(self) -> Choice | None:
        """What was chosen and why; None before `fit`."""
        return self._choice

    def fit(self, panel: Panel) -> Self:
        """Race, then fit the winner on all of `panel`; raises NotEnoughHistoryError below 2 periods."""
        horizon = self.horizon or CALIBRATED_STEPS[panel.freq]
        cutoffs = plan_cutoffs(panel, horizon, self.windows)
        races = {name: backtest(panel, make(), cutoffs, horizon) for name, make in self.candidates.items()}
        self._choice = choose({name: score(frame) for name, frame in races.items()})
        self._winner = self.candidates[self._choice.name]().fit(panel)
        return self

    def update(self, panel: Panel) -> Self:
        """See `Forecaster.update`."""
        self._winner = self._fitted.update(panel)
        return self

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """The winner's forecasts; raises DataError before `fit`."""
        return self._fitted.predict(horizon, known, levels)

    @property
    def _fitted(self) -> Forecaster:
        if self._winner is None:
            raise DataError("the model auto has not been fitted; call fit(panel) first.")
        return self._winner
