"""Turns a model of expected values into a Forecaster with calibrated bands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.models.auto import CombinedForecaster
from ml.models.base import PointModel
from ml.panel import Panel


class ConformalForecaster(CombinedForecaster):
    """A Forecaster around one `PointModel`: a combination of a single member, calibrated as all are.

    `horizon` is how many steps ahead bands are calibrated (None: by grain); `windows` how many origins are tried.
    Without `correct_bias` the expected values stay as the model gives them.
    """

    def __init__(
        self, point: PointModel, horizon: int | None = None, windows: int = 3, *, correct_bias: bool = True
    ) -> None:
        super().__init__(Alone(point), horizon, windows, name=point.name, correct_bias=correct_bias)
        self.point = point

    @property
    def parameters(self) -> dict[str, Any]:
        return {**self.point.parameters, "calibrated_horizon": self.horizon, "calibration_windows": self.windows}


@dataclass(frozen=True)
class Alone:
    """The members of a forecast that is made by one model alone."""

    point: PointModel

    def __call__(self, panel: Panel, horizon: int) -> dict[str, PointModel]:  # noqa: ARG002 - see Members
        return {self.point.name: self.point}
