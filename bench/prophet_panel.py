"""Prophet for a whole panel beside the library in a process pool, and beside prophet-batch where it is installed.

Peers: prophet (installed), prophet-batch (`pip install prophet-batch==0.1.2`; its cases are left out without it).
Warm-up, not timed: our compiled code is loaded by a small panel, the pool's processes import the library and fit one
series each. Real panels are read from `../shared/peers`; their cases are left out where it is not there.
"""

from __future__ import annotations

import argparse
import importlib.util
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.cases import Case, run
from bench.made_panels import FREQS, made_panels, usual_panel
from bench.processes import Step, measure
from bench.prophet_oracle import CORES, STEPS, note, oracle, quiet
from ml.models.prophet_panel.export import to_prophet
from ml.models.prophet_panel.fitted import fit_panel
from ml.models.prophet_panel.forecaster import ProphetForecaster, Settings
from ml.panel import Panel

Floats = NDArray[np.float64]
Cases = dict[str, Callable[[int], Iterator[Case]]]

ROUNDS = 3
MANY = 100_000


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.prophet_panel", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--series", type=int, default=10**9, help="at most so many series a panel, for a quick look")
    parser.add_argument(
        "--panels", nargs="+", metavar="PANEL", help="real panels of `oracle`, or generated; all of them"
    )
    parser.add_argument("--details", type=Path, help="CSV for objectives and distances of each series of `oracle`")
    chosen = parser.parse_args(arguments)
    cases: Cases = {**CASES, "oracle": partial(oracle, names=chosen.panels, details=chosen.details)}
    return run(case for name in chosen.cases or cases for case in cases[name](chosen.series))


def weekly(most: int) -> Iterator[Case]:
    """2,000 weekly series of 156 points, 13 weeks ahead."""
    panel = usual_panel(min(most, 2000), 156, "W")
    yield from _speed(f"weekly-{len(panel.ids)}x156", panel, 13)


def daily(most: int) -> Iterator[Case]:
    """1,000 daily series of 1,096 points, 28 days ahead."""
    panel = usual_panel(min(most, 1000), 1096, "D")
    yield from _speed(f"daily-{len(panel.ids)}x1096", panel, 28)


def many(most: int) -> Iterator[Case]:
    """100,000 weekly series: time, memory, and bits that chunks, threads and order do not change."""
    count = min(most, MANY)
    found = [measure(prepare_many, count) for _ in range(ROUNDS)]
    yield Case("prophet_panel", f"weekly-{count}-seconds", median(f.seconds for f in found), "s", (None, 120))
    yield Case("prophet_panel", f"weekly-{count}-memory", median(f.peak_mb for f in found), "MB", (None, 4000))
    panel = usual_panel(min(count, 5000), 156, "W")
    whole = _numbers(panel, 1, 256)
    ids = panel.ids.to_numpy()
    names = dict(zip(ids, ids[::-1], strict=True))
    frame = panel.frame.assign(unique_id=panel.frame["unique_id"].map(names)).sort_values(["unique_id", "ds"])
    others = [_numbers(panel, CORES, 256), _numbers(panel, 1, 33), _numbers(panel, CORES, 1000)]
    others.append(_numbers(Panel(frame.reset_index(drop=True), "W", 52), CORES, 100)[::-1])
    wrong = sum(int((whole != other).sum()) for other in others)
    yield Case("prophet_panel", "numbers-changed-by-chunk-threads-order", wrong, "numbers", (None, 0))


def storage(most: int) -> Iterator[Case]:
    """Bytes of a pickled model per series: of one design, and where no two series share their days."""
    made = made_panels(min(most, 1000))["D"]
    for case, panel in (("same-days", usual_panel(min(most, 1000), 156, "W")), ("own-days", made)):
        size = len(pickle.dumps(ProphetForecaster().fit(panel))) / len(panel.ids)
        yield Case("prophet_panel", f"stored-{case}", size, "bytes a series", (None, 5000))


def bands(most: int) -> Iterator[Case]:
    """P10 and P90 beside 10,000 paths that the library simulates from the same estimates."""
    panel, paths = usual_panel(min(most, 40), 156, "W"), 10_000
    fitted = fit_panel(panel)
    _, quantiles = fitted.quantiles(STEPS, (0.1, 0.9))
    frame = pd.DataFrame({"ds": fitted.dates(STEPS)})
    np.random.seed(0)
    worst = 0.0
    for row, name in enumerate(fitted.ids):
        model = to_prophet(fitted, name, panel)
        model.uncertainty_samples = paths
        drawn = model.predictive_samples(frame)["yhat"]
        for place, share in enumerate((0.1, 0.9)):
            missed = (drawn <= quantiles[row, :, place, None]).mean(axis=1) - share
            worst = max(worst, float(np.abs(missed).max() / np.sqrt(share * (1 - share) / paths)))
    yield Case("prophet_panel", "quantiles-beside-simulation", worst, "standard errors, the worst of all", (None, 5))


def _speed(name: str, panel: Panel, horizon: int) -> Iterator[Case]:
    """Fit and forecast with P10, P50 and P90."""
    _ours(usual_panel(CORES, 156, "W"), horizon)
    ours = [_ours(panel, horizon) for _ in range(ROUNDS)]
    pool = _pool_seconds(panel, horizon)
    ours += [_ours(panel, horizon) for _ in range(ROUNDS)]  # others on the machine come and go in the meantime
    yield Case("prophet_panel", name, median(ours), "s", (None, 1 / 300), pool, f"prophet, {CORES} processes")
    if importlib.util.find_spec("prophet_batch") is None:
        return note(f"prophet-batch is not installed: {name} is not compared with it")
    batch = _batch_seconds(panel, horizon)
    ours = [*ours[ROUNDS:], *(_ours(panel, horizon) for _ in range(ROUNDS))]
    yield Case("prophet_panel", name, median(ours), "s", (None, 1 / 30), batch, "prophet-batch")


def _ours(panel: Panel, horizon: int) -> float:
    fresh = Panel(panel.frame, panel.freq, panel.season_length)  # which has no matrices yet
    start = time.perf_counter()
    ProphetForecaster(Settings(threads=CORES)).fit(fresh).predict(horizon, levels=(80,))
    return time.perf_counter() - start


def library_forecast(job: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    """One series as the library's documentation shows it."""
    from prophet import Prophet  # noqa: PLC0415 - see library_fit

    return Prophet(interval_width=0.8).fit(job[0]).predict(job[1])[["ds", "yhat", "yhat_lower", "yhat_upper"]]


def _pool_seconds(panel: Panel, horizon: int) -> float:
    future = pd.DataFrame({"ds": fit_panel(_few(panel)).dates(horizon)})
    jobs = [(part[["ds", "y"]], future) for _, part in panel.frame.groupby("unique_id", sort=False)]
    with ProcessPoolExecutor(CORES, initializer=quiet) as pool:
        list(pool.map(library_forecast, jobs[: 4 * CORES]))
        start = time.perf_counter()
        list(pool.map(library_forecast, jobs, chunksize=8))
        return time.perf_counter() - start


def _batch_seconds(panel: Panel, horizon: int) -> float:
    from prophet_batch import forecast_many  # type: ignore[import-untyped, unused-ignore] # noqa: PLC0415 - optional

    def forecast(frame: pd.DataFrame) -> None:
        forecast_many(
            frame,
            periods=horizon,
            freq=FREQS[panel.freq],
            include_history=False,
            seed=0,
            n_jobs=CORES,
            columns=["ds", "yhat", "yhat_lower", "yhat_upper"],
        )

    quiet()
    forecast(_few(panel).frame)
    start = time.perf_counter()
    forecast(panel.frame)
    return time.perf_counter() - start


def _few(panel: Panel) -> Panel:
    first = panel.frame["unique_id"].unique()[: 4 * CORES]
    return Panel(panel.frame[panel.frame["unique_id"].isin(first)], panel.freq, panel.season_length)


def prepare_many(count: int) -> Step:
    """A panel and a warm model; the step fits and forecasts it."""
    panel = usual_panel(count, 156, "W")
    _ours(usual_panel(CORES, 156, "W"), 13)

    def step() -> None:
        _ours(panel, 13)

    return step


def _numbers(panel: Panel, threads: int, chunk: int) -> Floats:
    """Quantiles and coefficients of all series, as the bits they are."""
    fitted = fit_panel(Panel(panel.frame, panel.freq, panel.season_length), threads=threads, chunk=chunk)
    _, found = fitted.quantiles(13, (0.1, 0.5, 0.9), threads=threads)
    return np.asarray(found.reshape(len(found), -1).view(np.int64))


CASES: Cases = {
    "oracle": oracle,
    "bands": bands,
    "weekly": weekly,
    "daily": daily,
    "many": many,
    "storage": storage,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
