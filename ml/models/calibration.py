"""What members said of periods that are known by now, made into weights, bands and a correction of their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.evaluation.bias import agreed_factor
from ml.evaluation.intervals import ConformalBands
from ml.evaluation.weights import member_errors, member_weights
from ml.models.base import Points
from ml.quantiles import LEVELS, tail_name, tails

Floats = NDArray[np.float64]

COMBINED = "combination"
"""What made a row that more than one member had a part in."""


@dataclass(frozen=True)
class Calibration:
    """How members' expected values become a forecast with bands.

    The mean is multiplied by `factor`; quantiles stand around the values before it.
    """

    weights: dict[str, float]
    bands: ConformalBands
    factor: float

    @classmethod
    def of(cls, rows: pd.DataFrame, made: Mapping[str, Floats], *, correct_bias: bool = True) -> Self:
        """Learn from `rows` (`unique_id, cutoff, step, y, scale, volume`) and what each member forecast for them.

        Raises DataError where no row has an actual.
        """
        y, scale = rows["y"].to_numpy(dtype=np.float64), rows["scale"].to_numpy(dtype=np.float64)
        weights = member_weights(member_errors(y, scale, made))
        tried = rows.assign(mean=sum(weight * made[name] for name, weight in weights.items()))
        factor = agreed_factor(tried) if correct_bias else 1.0
        return cls(weights, ConformalBands.fit(tried, group="volume"), factor)

    def apply(
        self,
        facts: pd.DataFrame,
        made: Mapping[str, Points],
        shut: NDArray[np.bool_],
        levels: Sequence[int] = LEVELS,
    ) -> pd.DataFrame:
        """The forecast rows `unique_id, ds, mean`, quantiles of `levels` and `model`, in the order of `facts`.

        `facts` holds `unique_id, ds, step, scale, volume`, series by series; `shut` says of each row whether nothing
        can be sold then.
        """
        points = self.combine(made)
        horizon = points.mean.shape[1]
        frame = facts.assign(mean=points.mean.ravel(), model=np.repeat(points.model, horizon))
        bands = self.bands.apply(frame, group="volume", levels=levels)
        bands.loc[shut, [tail_name(share) for share in tails(levels)]] = 0.0
        frame["mean"] = np.where(shut, 0.0, frame["mean"] * self.factor)
        return pd.concat([frame[["unique_id", "ds", "mean"]], bands, frame[["model"]]], axis=1)

    def combine(self, made: Mapping[str, Points]) -> Points:
        """The weighted mean; a series that all members left to the same simpler model carries that one's name."""
        mean = sum((weight * made[name].mean for name, weight in self.weights.items()), start=np.zeros(()))
        labels = np.stack([made[name].model for name in self.weights])
        same = (labels == labels[0]).all(axis=0)
        return Points(np.asarray(mean, dtype=np.float64), np.where(same, labels[0], COMBINED).astype(object))
