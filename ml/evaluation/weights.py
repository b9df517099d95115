"""How much each member of a combination counts.

Equal weights are hard to beat: freely fitted ones follow the noise of a few origins (the forecast combination puzzle;
Claeskens, Magnus, Vasnev & Wang 2016). So members that err alike count alike, and those that are clearly worse fade,
by a power of their error (after Bates & Granger 1969).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Weights = dict[str, float]

POWER = 8.0
"""A member that errs 10 % more than the best counts half as much, one that errs 50 % more a twenty-fifth."""
LEAST = 0.04
"""Smaller weights are not worth the time that their members take."""
OWN_SERIES = 100
"""A segment of so many series follows its own errors as much as those of all series."""


def member_errors(y: Floats, scale: Floats, made: Mapping[str, Floats]) -> dict[str, float]:
    """How far each member is off: the geometric mean of two views of its absolute errors.

    One is their share of the volume (large series count), the other their mean in units of `scale` (all series count
    alike); both relative to the best member's, so that the best possible value is 1. Where some member is never off, it
    is the best one, and all others are infinitely worse. Arrays are (rows,).
    """
    size = np.where(scale > 0, scale, np.inf)  # a series that never moved tells nothing of members
    off = {name: np.abs(y - mean) for name, mean in made.items()}
    volume = {name: float(error.sum()) for name, error in off.items()}
    scaled = {name: float((error / size).sum()) for name, error in off.items()}
    least_volume, least_scaled = min(volume.values()), min(scaled.values())
    if least_volume <= 0 or least_scaled <= 0:
        return {name: 1.0 if volume[name] <= least_volume else np.inf for name in made}
    return {name: float(np.sqrt(volume[name] / least_volume * scaled[name] / least_scaled)) for name in made}


def member_weights(errors: Mapping[str, float]) -> Weights:
    """Weights that add up to 1, of members with positive weight only, from their errors (see `member_errors`)."""
    best = min(errors.values())
    raw = {name: (best / error) ** POWER for name, error in errors.items()}
    total = sum(raw.values())
    kept = {name: weight for name, weight in raw.items() if weight / total >= LEAST}
    return {name: weight / sum(kept.values()) for name, weight in kept.items()}


def segment_weights(rows: pd.DataFrame, made: Mapping[str, Floats], errors: Mapping[str, float]) -> dict[int, Weights]:
    """The weights of each segment, of the members that `errors` over all series leave (see `member_weights`).

    `rows` holds `unique_id, segment, y, scale`, and `made` the forecasts, (rows,). A segment's errors are shrunk
    towards those over all series, the more the fewer series it has: the noise of a few does not choose.
    """
    kept = list(member_weights(errors))
    found: dict[int, Weights] = {}
    for segment in np.unique(rows["segment"].to_numpy(dtype=np.int64)).tolist():
        at = np.flatnonzero(rows["segment"].to_numpy() == segment)
        own = rows.iloc[at]
        y, scale = (own[name].to_numpy(dtype=np.float64) for name in ("y", "scale"))
        theirs = member_errors(y, scale, {name: made[name][at] for name in kept})
        count = own["unique_id"].nunique()
        share = count / (count + OWN_SERIES) if all(np.isfinite(error) for error in theirs.values()) else 0.0
        raw = {name: (theirs[name] ** share * errors[name] ** (1 - share)) ** -POWER for name in kept}
        found[segment] = {name: weight / sum(raw.values()) for name, weight in raw.items()}
    return found
