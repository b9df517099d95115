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
from ml.evaluation.bias import agreed_factor
from ml.evaluation.intervals import ConformalBands
from ml.evaluation.weights import member_errors, member_weights
from ml.features.closures import closed, find_closures
from ml.features.scales import recent_level, volume_edges
from ml.models.base import FittedPoints, PointModel, Points
from ml.models.conformal import CALIBRATED_STEPS, SeriesFacts, known_matrices, point_rows
from ml.models.trial import Trial, learn, run_trial
from ml.panel import Panel
from ml.periods import following
from ml.progress import Progress, silent
from ml.quantiles import LEVELS, tail_name, tails

Floats = NDArray[np.float64]
Members = Callable[[Panel, int], Mapping[str, PointModel]]
"""Makes the members for a panel and a horizon, the floor first."""

COMBINED = "combination"
"""What made a row that more than one member had a part in."""


@dataclass
class AutoForecaster:
    """A Forecaster that combines the members that do well on origins inside the panel that it learns from.

    `horizon` is how far ahead they are tried and bands calibrated (None: by grain), `windows` on how many origins,
    `budget` the seconds that a fit may take (None: as long as it needs); within it cheap members come first.
    """

    members: Members
    horizon: int | None = None
    windows: int = 3
    budget: float | None = None
    name: str = "auto"
    progress: Progress = field(default=silent, repr=False)
    _state: _Fitted | None = field(default=None, init=False, repr=False)

    @property
    def parameters(self) -> dict[str, Any]:
        weights = {name: round(weight, 4) for name, weight in self._state.weights.items()} if self._state else {}
        return {"calibrated_horizon": self.horizon, "calibration_windows": self.windows, "weights": weights}

    @property
    def features(self) -> list[str]:
        named = (name for member in self._fitted.models.values() for name in member.features)
        return list(dict.fromkeys(named))

    def fit(self, panel: Panel) -> Self:
        """Try the members, weigh them, calibrate, and fit them on all of `panel`.

        Raises NotEnoughHistoryError below 2 periods.
        """
        budget = Budget(self.budget)
        steps = self.horizon or CALIBRATED_STEPS[panel.freq]
        members = self.members(panel, steps)
        closures = find_closures(panel.wide)
        edges = volume_edges(recent_level(panel.wide, panel.season_length))
        trial = run_trial(members, panel, steps, self.windows, edges, closures, self.progress, budget)
        weights = weigh(trial)
        mean = sum(weight * trial.made[name] for name, weight in weights.items())
        tried = trial.rows.assign(mean=mean)
        bands, factor = ConformalBands.fit(tried, group="volume"), agreed_factor(tried)
        models, time_left = {}, budget.left >= sum(trial.seconds[name] for name in weights)
        for done, name in enumerate(weights):
            self.progress("learning", done, len(weights))
            models[name] = learn(members[name], trial.fitted[name], panel, anew=time_left)
        self._state = _Fitted(weights, models, bands, factor, edges, SeriesFacts.of(panel, edges), closures)
        return self

    def update(self, panel: Panel) -> Self:
        """See `Forecaster.update`: weights and bands stay, series are measured anew."""
        self._state = self._fitted.update(panel)
        return self

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """See `Forecaster.predict`; raises DataError before `fit` and where known columns are missing."""
        return self._fitted.predict(horizon, known, levels)

    @property
    def _fitted(self) -> _Fitted:
        if self._state is None:
            raise DataError("the model auto has not been fitted; call fit(panel) first.")
        return self._state


@dataclass(frozen=True)
class _Fitted:
    """What a fitted combination keeps."""

    weights: dict[str, float]
    models: dict[str, FittedPoints]
    bands: ConformalBands
    factor: float
    """What the mean is multiplied by; quantiles stand around the values before it."""
    edges: Floats
    series: SeriesFacts
    closures: tuple[str, ...]

    def update(self, panel: Panel) -> _Fitted:
        models = {name: model.update(panel) for name, model in self.models.items()}
        return replace(self, models=models, series=SeriesFacts.of(panel, self.edges))

    def predict(self, horizon: int, known: pd.DataFrame | None, levels: Sequence[int]) -> pd.DataFrame:
        if horizon < 1:
            raise DataError(f"the horizon is {horizon}; expected at least 1 period.")
        series = self.series
        dates = following(series.last, horizon, series.freq)
        plans = known_matrices(series, dates, known)
        made = {name: model.predict(horizon, plans) for name, model in self.models.items()}
        shut = closed(self.closures, plans, (len(series.ids), horizon)).ravel()
        frame = point_rows(series, _combined(made, self.weights), dates)
        bands = self.bands.apply(frame, group="volume", levels=levels)
        wanted = [tail_name(share) for share in tails(levels)]
        bands.loc[shut, wanted] = 0.0
        frame["mean"] = np.where(shut, 0.0, frame["mean"] * self.factor)
        return pd.concat([frame[["unique_id", "ds", "mean"]], bands, frame[["model"]]], axis=1)


def weigh(trial: Trial) -> dict[str, float]:
    """The members' weights by their errors in the trial."""
    y, scale = trial.rows["y"].to_numpy(dtype=np.float64), trial.rows["scale"].to_numpy(dtype=np.float64)
    return member_weights(member_errors(y, scale, trial.made))


def _combined(made: Mapping[str, Points], weights: Mapping[str, float]) -> Points:
    """The weighted mean; a series that all members left to the same simpler model carries that one's name."""
    mean = sum((weight * made[name].mean for name, weight in weights.items()), start=np.zeros(()))
    labels = np.stack([made[name].model for name in weights])
    same = (labels == labels[0]).all(axis=0)
    return Points(np.asarray(mean, dtype=np.float64), np.where(same, labels[0], COMBINED).astype(object))
