"""Small panels of made sales, for tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.panel import Panel
from ml.periods import SEASON_LENGTHS

STARTS = {"D": "2022-01-01", "W": "2021-01-04", "MS": "2019-01-01"}


def dates(count: int, freq: str = "MS") -> pd.DatetimeIndex:
    """The first `count` periods of a made panel."""
    return pd.date_range(STARTS[freq], periods=count, freq="W-MON" if freq == "W" else freq)


def panel_of(values: dict[str, Sequence[float]], freq: str = "MS", season_length: int | None = None) -> Panel:
    """A panel of the given numbers; shorter series start later, so that all end together."""
    longest = max(len(numbers) for numbers in values.values())
    periods = dates(longest, freq)
    parts = [
        pd.DataFrame(
            {"unique_id": name, "ds": periods[longest - len(numbers) :], "y": np.asarray(numbers, dtype=float)}
        )
        for name, numbers in values.items()
    ]
    return Panel.from_frame(pd.concat(parts), freq, season_length or SEASON_LENGTHS[freq])


def seasonal_panel(series: int = 20, periods: int = 48, freq: str = "MS", seed: int = 0, noise: float = 0.1) -> Panel:
    """Series of many sizes with a common season, own trends, noise, a static and a known column."""
    random = np.random.default_rng(seed)
    season = SEASON_LENGTHS[freq]
    time = np.arange(periods)
    cycle = 1 + 0.4 * np.sin(2 * np.pi * time / season)
    parts = []
    for i in range(series):
        promo = (random.random(periods) < 0.2).astype(float)
        trend = 1 + (i % 5 - 2) * 0.004 * time
        y = 10 ** (1 + i % 3) * cycle * trend * (1 + 0.3 * promo) * random.lognormal(0, noise, periods)
        frame = pd.DataFrame({"unique_id": f"s{i:02d}", "ds": dates(periods, freq), "y": y, "promo": promo})
        parts.append(frame.assign(region=f"r{i % 4}"))
    return Panel.from_frame(pd.concat(parts), freq, season, static=["region"], known=["promo"])
