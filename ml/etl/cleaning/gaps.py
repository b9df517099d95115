"""Gaps: what a series sold in a period between two others in which nothing is recorded."""

from __future__ import annotations

import numpy as np
import pandas as pd


def fill(y: pd.Series[float], series: pd.Series[str], gaps: str) -> pd.Series[float]:
    """The values of sorted rows with those that lack filled: 'zero', 'none' (left unknown) or 'interpolate' (linear).

    `series` names the series of each row. What lies after a series' last sale is an end, no gap: it is zero
    under every policy.
    """
    if gaps == "zero":
        return y.fillna(0.0)
    ended = y.groupby(series, sort=False).bfill().isna()
    if gaps == "interpolate":
        y = between(y, series)
    return y.mask(ended & y.isna(), 0.0)


def between(y: pd.Series[float], series: pd.Series[str]) -> pd.Series[float]:
    """Values on the straight line between the known ones of the same series; unknown at its ends."""
    place = np.arange(len(y), dtype=float)
    known = pd.DataFrame({"y": y, "at": np.where(y.notna(), place, np.nan)})
    before = known.groupby(series, sort=False).ffill()
    after = known.groupby(series, sort=False).bfill()
    span = (after["at"] - before["at"]).where(lambda width: width > 0, 1.0)
    line = before["y"] + (after["y"] - before["y"]) * (place - before["at"]) / span
    return y.where(y.notna(), line)
