"""The models of a grain combined: tried on the panel's own past, weighted by how they did there, with bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.budget import Budget
from ml.errors import DataError
from ml.features.closures import closed, find_closures
from ml.features.scales import SEGMENTS, recent_level, volume_edges
from ml.models.base import FittedPoints, PointModel
from ml.models.calibration import COMBINED, Calibration
from ml.models.facts import CALIBRATED_STEPS, SeriesFacts, facts_of, known_matrices
from ml.models.trial import learn, run_trial
from ml.panel import Panel
from ml.periods import following
from ml.progress import Progress, silent
from ml.quantiles import LEVELS

Floats = NDArray[np.float64]

Members = Callable[[Panel, int], Mapping[str, PointModel]]
"""Makes the members for a panel and a horizon, the floor first."""


@dataclass
class CombinedForecaster:
    """A Forecaster that combines the members that do well on origins inside the panel that it learns from.

    `horizon` is how far ahead they are tried and bands calibrated (None: by grain), `windows` on how many origins of
    a run, `budget` the seconds that a fit may take (None: as long as it needs); within it cheap members come first.
    Without `correct_bias` the expected values stay as the members give them.
    """

    members: Members
    horizon: int | None = None
    windows: int = 3
    budget: float | None = None
    name: str = COMBINED
    correct_bias: bool = True
    progress: Progress = field(default=silent, repr=False)
    _state: _Fitted | None = field(default=None, init=False, repr=False)

    @property
    def weights(self) -> dict[str, float]:
        """How much each member counts; nothing before `fit`."""
        return self._state.calibration.weights if self._state else {}

    @property
    def segment_weights(self) -> dict[str, dict[str, float]]:
        """The same by segment of series (see SEGMENTS); nothing where only one member counts."""
        found = self._state.calibration.by_segment if self._state and len(self.weights) > 1 else {}
        return {SEGMENTS[segment]: _rounded(weights) for segment, weights in sorted(found.items())}

    def series_weights(self) -> dict[str, Floats]:
        """How much each member counts for each series of the panel, (series,); raises DataError before `fit`."""
        return self._fitted.calibration.series_weights(self._fitted.series.segment)

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "calibrated_horizon": self.horizon,
            "calibration_windows": self.windows,
            "weights": _rounded(self.weights),
            "segment_weights": self.segment_weights,
        }

    @property
    def features(self) -> list[str]:
        named = (name for member in self._fitted.models.values() for name in member.features)
        return list(dict.fromkeys(named))

    def fit(self, panel: Panel) -> Self:
        """Try the members, weigh them, calibrate, and fit them on all of `panel`.

        Raises NotEnoughHistoryError below 2 periods.
        """
        budget = Budget(self.budget)
        steps, closures = self.steps(panel), find_closures(panel.wide)
        edges = volume_edges(recent_level(panel.wide, panel.season_length))
        members = self.members(panel, steps)
        trial = run_trial(members, panel, steps, self.windows, edges, closures, self.progress, budget)
        calibration = Calibration.of(trial.rows, trial.made, correct_bias=self.correct_bias)
        time_left = budget.left >= sum(trial.seconds[name] for name in calibration.weights)
        return self.settle(panel, calibration, trial.fitted, anew=time_left)

    def steps(self, panel: Panel) -> int:
        """How far ahead it is calibrated."""
        return self.horizon or CALIBRATED_STEPS[panel.freq]

    def settle(
        self, panel: Panel, calibration: Calibration, earlier: Mapping[str, FittedPoints], *, anew: bool = True
    ) -> Self:
        """Fit the members that count on all of `panel`, or carry them on from `earlier` fits (see `learn`)."""
        members, models = self.members(panel, self.steps(panel)), {}
        for done, name in enumerate(calibration.weights):
            self.progress("learning", done, len(calibration.weights))
            models[name] = learn(members[name], earlier.get(name), panel, anew=anew)
        edges = volume_edges(recent_level(panel.wide, panel.season_length))
        closures = find_closures(panel.wide)
        self._state = _Fitted(models, calibration, edges, SeriesFacts.of(panel, edges, closures), closures)
        return self

    def update(self, panel: Panel) -> Self:
        """See `Forecaster.update`: weights and bands stay, series are measured anew."""
        self._state = self._fitted.update(panel)
        return self

    @property
    def fitted_members(self) -> Mapping[str, FittedPoints]:
        """The members that count, at the end of the data; raises DataError before `fit`."""
        return self._fitted.models

    def plans(self, horizon: int, known: pd.DataFrame | None = None) -> dict[str, Floats]:
        """The known columns of the next periods as members take them, (series, horizon); raises as `predict` does."""
        series = self._fitted.series
        return known_matrices(series, following(series.last, horizon, series.freq), known)

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """See `Forecaster.predict`; raises DataError before `fit` and where known columns are missing."""
        return self._fitted.predict(horizon, known, levels)

    @property
    def _fitted(self) -> _Fitted:
        if self._state is None:
            raise DataError(f"the model {self.name} has not been fitted; call fit(panel) first.")
        return self._state


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in weights.items()}


@dataclass(frozen=True)
class _Fitted:
    """What a fitted combination keeps."""

    models: dict[str, FittedPoints]
    calibration: Calibration
    edges: Floats
    series: SeriesFacts
    closures: tuple[str, ...]

    def update(self, panel: Panel) -> _Fitted:
        models = {name: model.update(panel) for name, model in self.models.items()}
        return replace(self, models=models, series=SeriesFacts.of(panel, self.edges, self.closures))

    def predict(self, horizon: int, known: pd.DataFrame | None, levels: Sequence[int]) -> pd.DataFrame:
        if horizon < 1:
            raise DataError(f"the horizon is {horizon}; expected at least 1 period.")
        series = self.series
        dates = following(series.last, horizon, series.freq)
        plans = known_matrices(series, dates, known)
        made = {name: model.predict(horizon, plans) for name, model in self.models.items()}
        shut = closed(self.closures, plans, (len(series.ids), horizon)).ravel()
        return self.calibration.apply(facts_of(series, dates), made, shut, levels)
