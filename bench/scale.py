"""LightGBM on 1,000 to 50,000 weekly series: time and memory per series, which must not rise with their number.

The peer is the same work on 1,000 series. Memory is the most that the process held beyond what the libraries take.
Sizes may be named: `python -m bench.scale 5000` measures 5,000 beside 1,000.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from bench.cases import Case, run
from bench.processes import Measured, Step, measure
from ml import models
from ml.panel import Panel

SMALLEST = 1_000
SIZES = (10_000, 50_000)
PERIODS = 156
HORIZON = 13
MOST_MB = 6_000
PER_SERIES = 1.1
"""How much a series of a large panel may cost of what one of the smallest does."""


def main(arguments: Sequence[str]) -> int:
    """Measure all sizes, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.scale", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, metavar="SERIES", help=f"instead of {SIZES}")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    chosen = parser.parse_args(arguments)
    return run(case for size in chosen.sizes or SIZES for case in compare(size, chosen.threads))


def compare(size: int, threads: int) -> Iterator[Case]:
    """Time and memory per series beside the smallest panel's, and the memory of all."""
    few, many = measured(SMALLEST, threads), measured(size, threads)
    own = measured(0, threads).peak_mb
    name = f"the same for {SMALLEST:,} series"
    seconds = [1e3 * found.seconds / count for found, count in ((many, size), (few, SMALLEST))]
    kilobytes = [1e3 * (found.peak_mb - own) / count for found, count in ((many, size), (few, SMALLEST))]
    yield Case("scale", f"time-per-series-{size}", seconds[0], "ms", (None, PER_SERIES), seconds[1], name)
    yield Case("scale", f"memory-per-series-{size}", kilobytes[0], "kB", (None, PER_SERIES), kilobytes[1], name)
    yield Case("scale", f"memory-{size}", many.peak_mb, "MB", (None, MOST_MB))


@lru_cache
def measured(size: int, threads: int) -> Measured:
    """Fit and predict `size` series; for none only what the process and its libraries hold."""
    return measure(prepare, size, threads)


def prepare(size: int, threads: int) -> Step:
    """The panel is there and the libraries are warm."""
    forecast(weekly_panel(20), threads)
    panel = weekly_panel(size) if size else None

    def step() -> None:
        if panel is not None:
            frame = forecast(panel, threads)
            assert len(frame) == size * HORIZON, f"{len(frame)} rows for {size} series"

    return step


def forecast(panel: Panel, threads: int) -> pd.DataFrame:
    """What a job does with a panel: calibrate, fit, predict."""
    return models.create("lightgbm", horizon=HORIZON, threads=threads).fit(panel).predict(HORIZON)


def weekly_panel(size: int, seed: int = 0) -> Panel:
    """Series of many sizes with a yearly season, a trend, noise and two names each; the first ones are always alike."""
    random = np.random.default_rng(seed)
    weeks = np.arange(PERIODS)
    series = np.arange(size)
    peak = 0.4 * np.sin(2 * np.pi * (weeks[None, :] / 52 + (series % 7)[:, None] / 7))
    trend = (series % 5 - 2)[:, None] * 0.001 * weeks[None, :]
    noise = random.normal(0.0, 0.25, (size, PERIODS))
    y = 10.0 ** (1 + series % 3)[:, None] * np.exp(peak + trend + noise)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{number:05d}" for number in series], PERIODS),
            "ds": np.tile(pd.date_range("2023-01-02", periods=PERIODS, freq="W-MON"), size),
            "y": y.ravel(),
            "region": np.repeat([f"r{number % 10}" for number in series], PERIODS),
            "category": np.repeat([f"c{number % 25}" for number in series], PERIODS),
        }
    )
    return Panel.from_frame(frame, "W", 52, static=["region", "category"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
