"""Turns a model of expected values into a Forecaster with calibrated bands.

The model is fitted on origins inside the panel's own past and compared with what followed. Those errors correct
its bias and become its bands; then it is fitted once more, on everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.evaluation.bias import bias_factor
from ml.evaluation.intervals import ConformalBands
from ml.evaluation.origins import plan_cutoffs, steps_after
from ml.features.scales import error_scale, recent_level, volume_class, volume_edges
from ml.models.base import FittedPoints, PointModel, Points
from ml.panel import Panel
from ml.periods import following
from ml.quantiles import LEVELS

Floats = NDArray[np.float64]

CALIBRATED_STEPS = {"D": 28, "W": 13, "MS": 12}
"""How far ahead errors are measured where no horizon is asked for; beyond it they grow on (see intervals)."""


@dataclass
class ConformalForecaster:
    """A Forecaster around a `PointModel`.

    `horizon` is how many steps ahead bands are calibrated (None: by grain); `windows` how many origins are tried.
    Without `correct_bias` the expected values stay as the model gives them.
    """

    point: PointModel
    horizon: int | None = None
    windows: int = 3
    correct_bias: bool = True
    _fitted: FittedPoints | None = field(default=None, init=False, repr=False)
    _factor: float = field(default=1.0, init=False, repr=False)
    _edges: Floats = field(init=False, repr=False)
    _bands: ConformalBands = field(init=False, repr=False)
    _series: SeriesFacts = field(init=False, repr=False)

    @property
    def name(self) -> str:
        return self.point.name

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.point.parameters, "calibrated_horizon": self.horizon, "calibration_windows": self.windows}

    @property
    def features(self) -> list[str]:
        return self._model.features

    def fit(self, panel: Panel) -> Self:
        """Calibrate on origins inside `panel`, then learn all of it; raises NotEnoughHistoryError below 2 periods."""
        self._edges = volume_edges(recent_level(panel.wide, panel.season_length))
        errors = self._errors(panel, self._edges)
        self._factor = bias_factor(errors) if self.correct_bias else 1.0
        errors["mean"] *= self._factor
        self._bands = ConformalBands.fit(errors, group="volume")
        self._fitted = self.point.fit(panel)
        self._series = SeriesFacts.of(panel, self._edges)
        return self

    def update(self, panel: Panel) -> Self:
        """See `Forecaster.update`: bands stay as they were calibrated, series are measured anew."""
        self._fitted = self._model.update(panel)
        self._series = SeriesFacts.of(panel, self._edges)
        return self

    def predict(self, horizon: int, known: pd.DataFrame | None = None, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
        """See `Forecaster.predict`; raises DataError before `fit` and where known columns are missing."""
        model = self._model
        if horizon < 1:
            raise DataError(f"the horizon is {horizon}; expected at least 1 period.")
        series = self._series
        dates = following(series.last, horizon, series.freq)
        points = model.predict(horizon, known_matrices(series, dates, known))
        frame = point_rows(series, points, dates)
        frame["mean"] *= self._factor
        bands = self._bands.apply(frame, group="volume", levels=levels)
        return pd.concat([frame[["unique_id", "ds", "mean"]], bands, frame[["model"]]], axis=1)

    @property
    def _model(self) -> FittedPoints:
        if self._fitted is None:
            raise DataError(f"the model {self.name} has not been fitted; call fit(panel) first.")
        return self._fitted

    def _errors(self, panel: Panel, edges: Floats) -> pd.DataFrame:
        """What the model would have forecast from earlier origins, beside what was sold."""
        horizon = self.horizon or CALIBRATED_STEPS[panel.freq]
        parts = []
        for cutoff in plan_cutoffs(panel, horizon, self.windows):
            past = panel.until(cutoff)
            series = SeriesFacts.of(past, edges)
            dates = following(cutoff, steps_after(panel, cutoff, horizon), panel.freq)
            known = known_matrices(series, dates, panel.future(cutoff, len(dates)))
            rows = point_rows(series, self.point.fit(past).predict(len(dates), known), dates)
            parts.append(
                rows.merge(panel.frame[["unique_id", "ds", "y"]], on=["unique_id", "ds"]).assign(cutoff=cutoff)
            )
        return pd.concat(parts, ignore_index=True).dropna(subset=["y"])  # what is unknown tells of no error


@dataclass(frozen=True)
class SeriesFacts:
    """What bands need to know of each series: its name, its scale of error and its class of volume."""

    ids: pd.Index[str]
    scale: Floats
    volume: NDArray[np.int64]
    last: pd.Timestamp
    freq: str
    known: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel, edges: Floats) -> Self:
        """Measured on `panel`; classes of volume are cut at `edges`."""
        season = panel.season_length
        level = recent_level(panel.wide, season)
        scale = error_scale(panel.wide, season)
        return cls(panel.ids, scale, volume_class(level, edges), panel.last, panel.freq, panel.known)


def point_rows(series: SeriesFacts, points: Points, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per series and period, with all that bands need."""
    horizon = len(dates)
    return facts_of(series, dates).assign(mean=points.mean.ravel(), model=np.repeat(points.model, horizon))


def facts_of(series: SeriesFacts, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """What is known of each series and period beside the forecast: `unique_id, ds, step, scale, volume`."""
    horizon = len(dates)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(series.ids.to_numpy(), horizon),
            "ds": np.tile(dates.to_numpy(), len(series.ids)),
            "step": np.tile(np.arange(1, horizon + 1), len(series.ids)),
            "scale": np.repeat(series.scale, horizon),
            "volume": np.repeat(series.volume, horizon),
        }
    )


def known_matrices(series: SeriesFacts, dates: pd.DatetimeIndex, known: pd.DataFrame | None) -> dict[str, Floats]:
    """(series, periods) per known column, NaN where a row is missing; DataError where a column is."""
    if not series.known:
        return {}
    absent = list(series.known) if known is None else [name for name in series.known if name not in known.columns]
    if known is None or absent:
        raise DataError(
            f"the model was trained with the known columns {', '.join(series.known)}; the forecast was asked for "
            f"without {', '.join(absent)}. Pass known=panel.future(cutoff, horizon)."
        )
    wanted = pd.MultiIndex.from_product([series.ids, dates], names=["unique_id", "ds"])
    found = known.set_index(["unique_id", "ds"])[list(series.known)].reindex(wanted)
    shape = (len(series.ids), len(dates))
    return {name: found[name].to_numpy(dtype=np.float64).reshape(shape) for name in series.known}
