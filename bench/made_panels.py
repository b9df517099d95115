"""Panels made by a seed: usual ones in any number, and odd series of every kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.panel import Panel

Floats = NDArray[np.float64]
FREQS = {"D": "D", "W": "W-MON", "MS": "MS"}
KINDS = ("bends", "outliers", "gaps", "constant", "zeros", "sparse", "noise", "jump")


def usual_panel(count: int, periods: int, freq: str) -> Panel:
    """Series with a season, a wandering level and noise, all of the same dates."""
    random, season = np.random.default_rng(1), {"D": 7, "W": 52}[freq]
    time_ = np.arange(periods)
    dates = pd.date_range("2021-01-04", periods=periods, freq=FREQS[freq])
    level = 50 + np.cumsum(random.normal(0, 0.3, (count, periods)), axis=1)
    cycle = 10 * np.sin(2 * np.pi * time_ / season + random.uniform(0, 6, (count, 1)))
    y = np.maximum(level + cycle + random.normal(0, 5, (count, periods)), 0.0)
    ids = np.repeat(np.array([f"s{i:06d}" for i in range(count)], dtype=object), periods)
    frame = pd.DataFrame({"unique_id": ids, "ds": np.tile(dates, count), "y": y.ravel()})
    return Panel(frame, freq, season)


def made_panels(count: int) -> dict[str, Panel]:
    """Hard series by frequency, with NaN where a value is missing."""
    random = np.random.default_rng(2)
    parts: dict[str, list[pd.DataFrame]] = {freq: [] for freq in FREQS}
    for i in range(count):
        freq, size = (("D", 20), ("D", 400), ("W", 156), ("MS", 60), ("D", 1096), ("W", 20), ("MS", 20), ("D", 3000))[
            i % 8
        ]
        dates = pd.date_range(end="2024-12-30" if freq != "MS" else "2024-12-01", periods=size, freq=FREQS[freq])
        y = _hard(size, {"D": 7, "W": 52, "MS": 12}[freq], KINDS[i // 8 % len(KINDS)], random)
        parts[freq].append(pd.DataFrame({"unique_id": f"h{i:04d}", "ds": dates, "y": y}))
    return {freq: Panel(pd.concat(own, ignore_index=True), freq, 7) for freq, own in parts.items() if own}


def _hard(size: int, season: int, kind: str, random: np.random.Generator) -> Floats:
    time_ = np.arange(size)
    y = 30 + 5 * np.sin(2 * np.pi * time_ / season + random.uniform(0, 6)) + random.normal(0, 2, size)
    at = random.integers(size // 4, size // 2)
    if kind == "bends":
        y += 20 * np.maximum(time_ - at, 0) / size - 50 * np.maximum(time_ - size // 2, 0) / size
    elif kind == "outliers":
        y[random.integers(0, size, 3)] *= 10
    elif kind == "gaps":
        y[1:-1][random.random(size - 2) < 0.2] = np.nan
    elif kind == "sparse":
        y = random.poisson(0.3, size).astype(float)
    elif kind == "jump":
        y[at:] += 30
    steady = {"constant": np.full(size, 12.0), "zeros": np.zeros(size)}
    return np.asarray(steady.get(kind, y), dtype=np.float64)
