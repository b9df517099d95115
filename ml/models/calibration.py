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
from ml.evaluation.weights import Weights, member_errors, member_weights, segment_weights
from ml.models.base import Points
from ml.quantiles import LEVELS, tail_name, tails

Floats = NDArray[np.float64]

COMBINED = "combination"
"""What made a row that more than one member had a part in."""


@dataclass(frozen=True)
class Calibration:
    """How members' expected values become a forecast with bands.

    `weights` are those over all series, `by_segment` those of each of SEGMENTS that was seen. The mean is multiplied by
    `factor`; quantiles stand around the values before it.
    """

    weights: Weights
    by_segment: dict[int, Weights]
    bands: ConformalBands
    factor: float

    @classmethod
    def of(cls, rows: pd.DataFrame, made: Mapping[str, Floats], *, correct_bias: bool = True) -> Self:
        """Learn from rows and what each member forecast for them.

        `rows` holds `unique_id, cutoff, step, y, scale, volume, segment`. Raises DataError where no row has an actual.
        """
        tried = rows.assign(mean=_combined_unseen(rows, made))
        factor = agreed_factor(tried) if correct_bias else 1.0
        return cls(*_weigh(rows, made), ConformalBands.fit(tried, group="volume"), factor)

    def apply(
        self,
        facts: pd.DataFrame,
        made: Mapping[str, Points],
        shut: NDArray[np.bool_],
        levels: Sequence[int] = LEVELS,
    ) -> pd.DataFrame:
        """The forecast rows `unique_id, ds, mean`, quantiles of `levels` and `model`, in the order of `facts`.

        `facts` holds `unique_id, ds, step, scale, volume, segment`, series by series; `shut` says of each row whether
        nothing can be sold then.
        """
        horizon = next(iter(made.values())).mean.shape[1]
        points = self.combine(made, facts["segment"].to_numpy()[::horizon])
        frame = facts.assign(mean=points.mean.ravel(), model=np.repeat(points.model, horizon))
        bands = self.bands.apply(frame, group="volume", levels=levels)
        bands.loc[shut, [tail_name(share) for share in tails(levels)]] = 0.0
        frame["mean"] = np.where(shut, 0.0, frame["mean"] * self.factor)
        return pd.concat([frame[["unique_id", "ds", "mean"]], bands, frame[["model"]]], axis=1)

    def combine(self, made: Mapping[str, Points], segment: NDArray[np.int64]) -> Points:
        """The weighted mean; a series that all members left to the same simpler model carries that one's name."""
        counted = self.series_weights(segment).items()
        mean = sum((weight[:, None] * made[name].mean for name, weight in counted), start=np.zeros(()))
        labels = np.stack([made[name].model for name in self.weights])
        same = (labels == labels[0]).all(axis=0)
        return Points(np.asarray(mean, dtype=np.float64), np.where(same, labels[0], COMBINED).astype(object))

    def series_weights(self, segment: NDArray[np.int64]) -> dict[str, Floats]:
        """How much each member counts for series of these segments, (series,) each."""
        return weights_of(segment, self.weights, self.by_segment)


def _weigh(rows: pd.DataFrame, made: Mapping[str, Floats]) -> tuple[Weights, dict[int, Weights]]:
    """The weights over all series, and by segment."""
    y, scale = rows["y"].to_numpy(dtype=np.float64), rows["scale"].to_numpy(dtype=np.float64)
    errors = member_errors(y, scale, made)
    return member_weights(errors), segment_weights(rows, made, errors)


def _combined_unseen(rows: pd.DataFrame, made: Mapping[str, Floats]) -> Floats:
    """What the combination would have said of each origin, (rows,), by the weights that the other origins give.

    Weights fitted to an origin err less there than they will on the next one: bands from such errors would be narrow.
    """
    cutoffs, segment = rows["cutoff"].to_numpy(), rows["segment"].to_numpy()
    mean = np.empty(len(rows))
    for cutoff in np.unique(cutoffs):
        here = cutoffs == cutoff
        others = here if here.all() else ~here
        weights = _weigh(rows[others], {name: values[others] for name, values in made.items()})
        counted = weights_of(segment[here], *weights)
        mean[here] = sum(weight * made[name][here] for name, weight in counted.items())
    return mean


def weights_of(segment: NDArray[np.int64], weights: Weights, by_segment: Mapping[int, Weights]) -> dict[str, Floats]:
    """The weight of each member in each row, (rows,): of its segment, or where that was never seen, of all series."""
    seen, place = np.unique(segment, return_inverse=True)
    own = [by_segment.get(int(one), weights) for one in seen]
    return {name: np.array([found[name] for found in own], dtype=np.float64)[place] for name in weights}
