"""How big a series is and how much it moves, from its past alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.panel import Panel, Wide

Floats = NDArray[np.float64]

SEGMENTS = ("A regular", "A sporadic", "B regular", "B sporadic", "C regular", "C sporadic")
"""Classes of volume by regularity of sales."""
ABC = (0.8, 0.95)
"""Shares of the volume that A series, and A and B series, make up."""
SPORADIC = 0.3
"""Share of periods without sales above which a series is sporadic."""
LONG = 12
"""Periods from which on a season is a long one."""
LONG_SEASONS, SHORT_SEASONS = 4, 27
"""Seasons that the scale of errors is measured on."""


def recent_level(wide: Wide, season_length: int) -> Floats:
    """Mean absolute value of each series over its last season (at least 4 periods where it has them)."""
    window = max(season_length, 4)
    return np.nan_to_num(_mean(np.abs(wide.y[:, -window:])))


def error_scale(wide: Wide, season_length: int) -> Floats:
    """What a series' errors are measured in: how much it moves from season to season.

    The mean absolute difference to the season before, over the last three seasons or 26 short ones: half a year of
    weeks, since a month of them says more of that month than of the series (to the period before, for series under two
    seasons). A series that was seen for n periods may yet move by a share 1/n of its level, however still it was:
    without this, two equal months would promise a third one. 0 only where all is zero.
    """
    y = wide.y[:, -((LONG_SEASONS if season_length >= LONG else SHORT_SEASONS) * season_length) :]
    moves = _mean(np.abs(np.diff(y, axis=1))) if y.shape[1] > 1 else np.full(len(y), np.nan)
    if y.shape[1] > season_length:
        seasonal = _mean(np.abs(y[:, season_length:] - y[:, :-season_length]))
        moves = np.where(wide.lengths >= 2 * season_length, seasonal, moves)
    return np.maximum(np.nan_to_num(moves), recent_level(wide, season_length) / wide.lengths)


def segments(wide: Wide, season_length: int) -> NDArray[np.int64]:
    """The segment of each series: its place in SEGMENTS, by recent volume (ABC) and by how often nothing is sold.

    A series make up the first 80 % of the volume, B series the next 15 %, C series the rest; sporadic are those with
    more than 3 periods in 10 without sales, over the last two seasons.
    """
    level = recent_level(wide, season_length)
    order = np.argsort(-level, kind="stable")
    before = np.cumsum(level[order]) - level[order]
    total = max(float(level.sum()), np.finfo(np.float64).tiny)
    abc = np.empty(len(level), dtype=np.int64)
    abc[order] = np.searchsorted(ABC, before / total, side="right")
    y = wide.y[:, -2 * season_length :]
    known = np.isfinite(y).sum(axis=1)
    sporadic = (y == 0).sum(axis=1) > SPORADIC * known
    return np.asarray(abc * 2 + sporadic, dtype=np.int64)


def volume_class(level: Floats, edges: Floats) -> NDArray[np.int64]:
    """The class of each level: 0 below the first edge, and so on."""
    return np.searchsorted(edges, level, side="right").astype(np.int64)


def volume_edges(level: Floats, most: int = 4, members: int = 25) -> Floats:
    """Edges that cut the levels into classes of equal size, of at least `members` series, at most `most` of them."""
    classes = int(np.clip(len(level) // members, 1, most))
    return np.quantile(level, np.arange(1, classes) / classes)


def naive_scales(panel: Panel, lag: int) -> tuple[Floats, Floats]:
    """Mean absolute and root mean square difference at `lag` per series: the scales of MASE and RMSSE.

    Hyndman & Koehler (2006); NaN for series not longer than `lag`.
    """
    y = panel.wide.y
    if y.shape[1] <= lag:
        nothing = np.full(len(y), np.nan)
        return nothing, nothing
    moves = y[:, lag:] - y[:, :-lag]
    return _mean(np.abs(moves)), np.sqrt(_mean(moves**2))


def _mean(values: Floats) -> Floats:
    """Mean over periods, ignoring those before a series starts; NaN where nothing is left."""
    count = np.isfinite(values).sum(axis=1)
    total = np.nansum(values, axis=1)
    out = np.full(len(values), np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out
