"""Outliers: values far from what is usual around them, and from what is usual in their season.

Both judges are robust z-scores, 0.6745 * (x - median) / MAD (Iglewicz and Hoaglin 1993), beyond a threshold of 3.5:
the one over a moving window of the series (Hampel 1974), the other over its seasonal residuals. A seasonal peak
convinces the first alone, a noisy season neither. All series are worked on at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NORMAL = 1.4826
"""Median absolute deviations in a standard deviation of normal data: 1 / 0.6745."""
LEAST_DEVIATION = 0.05
"""A series that hardly moves deviates by this share of its level: smaller moves are nobody's outliers."""
SHORTEST_HALF, LONGEST_HALF = 6, 13
"""Periods on either side of a window's middle, at least and at most; half a season in between."""
FEWEST = 5
"""Known values below which a window tells nothing."""
FEWEST_RESIDUALS = 8
"""Periods with their like in another season below which a series has no seasonal residuals."""
LEAST_RATIO = 0.02
"""Smaller shares of the level are all the same to a logarithm."""
LEAST_INDEX = 0.2
"""Residuals are shares of what is usual in the season, or of this share of the level where less is."""
SEASONS = 3
"""How many seasons before and after are compared with."""
BLOCK = 4_000_000
"""Numbers that windows may hold at once."""


@dataclass(frozen=True)
class Judged:
    """(series, periods) matrices: what is usual in each period (NaN where nothing can be said), how far the value is
    from it in robust standard deviations (the lesser of the two scores; 0 where they disagree), and whether the
    season was compared."""

    usual: Floats
    score: Floats
    seasonal: NDArray[np.bool_]


def judge(y: Floats, season: int) -> Judged:
    """Judge every value of `y`, (series, periods) with NaN where unknown and before a series starts."""
    half = int(np.clip(season // 2, SHORTEST_HALF, LONGEST_HALF))
    rows = max(1, BLOCK // (y.shape[1] * max(2 * half + 1, 2 * SEASONS)))
    parts = [_judge(y[start : start + rows], season, half) for start in range(0, len(y), rows)]
    return Judged(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("usual", "score", "seasonal")))


def _judge(y: Floats, season: int, half: int) -> Judged:
    level, deviation = moving_median(y, half)
    judged = level > 0  # nothing is usual of what hardly ever sells
    level = np.where(judged, level, np.nan)
    ratio = y / level
    rolling = surprise(ratio) / np.maximum(deviation * NORMAL / level, LEAST_DEVIATION)
    index = seasonal_index(ratio, season)
    residual = (ratio - index) / np.maximum(index, LEAST_INDEX)  # a share: peaks vary by more
    spread = median(np.abs(residual - median(residual)[:, None]))[:, None] * NORMAL
    compared = np.isfinite(index) & (np.isfinite(residual).sum(axis=1) >= FEWEST_RESIDUALS)[:, None]
    beyond = residual / np.maximum(spread, LEAST_DEVIATION)
    agreed = np.where(rolling * beyond > 0, np.sign(rolling) * np.minimum(np.abs(rolling), np.abs(beyond)), 0.0)
    score = np.where(compared, agreed, rolling)
    usual = np.where(compared, level * np.maximum(index, 0.0), level)
    return Judged(usual, np.nan_to_num(score), compared & np.isfinite(score))


def surprise(ratio: Floats) -> Floats:
    """How far shares of the level are from it: upwards as they are, downwards by their logarithm.

    Sales cannot fall by more than all: without logarithms no fall would stand out of a strong season.
    """
    return np.where(ratio < 1, np.log(np.maximum(ratio, LEAST_RATIO)), ratio - 1)


def moving_median(y: Floats, half: int) -> tuple[Floats, Floats]:
    """Median and median absolute deviation of the `2 * half + 1` periods around each; (series, periods) each.

    Near the ends of a series the window stays whole and is no longer centred, so that it always spans the season.
    """
    count = y.shape[1]
    padded = np.pad(y, ((0, 0), (half, half)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * half + 1, axis=1)
    middle = median(windows)
    spread = median(np.abs(windows - middle[..., None]))
    known = np.isfinite(windows).sum(axis=2) >= FEWEST
    first = np.argmax(np.isfinite(y), axis=1)[:, None]
    centre = np.minimum(np.maximum(np.arange(count), first + half), max(count - 1 - half, 0))
    pick = np.maximum(centre, 0)
    return (
        np.take_along_axis(np.where(known, middle, np.nan), pick, axis=1),
        np.take_along_axis(np.where(known, spread, np.nan), pick, axis=1),
    )


def seasonal_index(ratio: Floats, season: int) -> Floats:
    """The usual ratio to the level of the same season's other periods: their median, the period itself left out.

    Left out because of two seasons it would be half of what it is compared with. NaN where there is no other one.
    """
    count = ratio.shape[1]
    padded = np.pad(ratio, ((0, 0), (SEASONS * season, SEASONS * season)), constant_values=np.nan)
    starts = [(SEASONS + step) * season for step in range(-SEASONS, SEASONS + 1) if step]
    return median(np.stack([padded[:, start : start + count] for start in starts], axis=2))


def median(values: Floats) -> Floats:
    """The median over the last axis, ignoring NaN; NaN where nothing is left. (Sorting is faster than nanmedian.)"""
    ordered = np.sort(values, axis=-1)  # NaN goes last
    count = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
