"""Prophet for a whole panel beside the library in a process pool, and beside prophet-batch where it is installed.

Peers: prophet (installed), prophet-batch (`pip install prophet-batch==0.1.2`; its cases are left out without it).
Warm-up, not timed: our compiled code is loaded by a small panel, the pool's processes import the library and fit one
series each. Real panels are read from `../shared/peers`; their cases are left out where it is not there.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.cases import Case, run
from bench.made_panels import FREQS, made_panels, usual_panel
from bench.processes import Step, measure
from ml.models.prophet_panel.estimates import Estimates
from ml.models.prophet_panel.export import to_prophet
from ml.models.prophet_panel.fitted import FittedPanel, days_of, fit_panel
from ml.models.prophet_panel.forecast import terms
from ml.models.prophet_panel.forecaster import ProphetForecaster, Settings
from ml.models.prophet_panel.objective import negative_log_posterior
from ml.panel import Panel
from ml.periods import following

Floats = NDArray[np.float64]
Library = tuple[dict[str, Floats], Floats]
Cases = dict[str, Callable[[int], Iterator[Case]]]

PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "panels.py"
CORES = len(os.sched_getaffinity(0))
ROUNDS = 3
STEPS = 28
NEAR = 0.02
WORSE = 1e-6
"""The library stopped early where its objective is worse by more than this."""
FLAT = 1e-2
"""Of the objective: a density of one hundredth less. Fits that differ by so little are both near the optimum."""
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


def oracle(most: int, names: Sequence[str] | None = None, details: Path | None = None) -> Iterator[Case]:
    """The library on all six real panels and on a thousand made series: objectives, fitted values and forecasts."""
    found: list[Compared] = []
    for name, panels in _oracle_panels(most, names):
        own = [replace(compared, panel=name) for panel in panels for compared in compare(panel)]
        excess = max(-one.worse for one in own)
        yield Case(
            "prophet_panel", f"objective-{name}", excess, f"above the library's, worst of {len(own)}", (None, 1e-6)
        )
        found += own
        if details:
            pd.DataFrame([asdict(one) for one in found]).to_csv(details, index=False)
    yield from _agreement(found)


def _agreement(found: list[Compared]) -> Iterator[Case]:
    """How many series agree, how many do not although the library's objective is no worse, and how much worse it is."""
    far = [one for one in found if one.distance > NEAR]
    unexplained = sum(one.worse <= WORSE for one in far)
    flat = sum(WORSE < one.worse <= FLAT for one in far)
    agreed = sum(min(one.distance, one.again) <= NEAR for one in found)
    for case, count, text, most in (
        ("agree", len(found) - len(far), "within 2 % of scale", None),
        ("unexplained", unexplained, "beyond, and the library's objective no worse", 0.01),
        ("nearly-equal", flat, "beyond, and the library's objective worse by 0.01 at most", None),
        ("agree-restarted", agreed, "within, where the library starts from ours on those beyond", None),
    ):
        yield Case("prophet_panel", case, count / len(found), f"share of {len(found)} series {text}", (None, most))
    for share in (0.0, 0.1, 0.5, 0.9) if far else ():
        worse = float(np.quantile([one.worse for one in far], share))
        text = "objective of the library above ours, on series beyond 2 %"
        yield Case("prophet_panel", f"worse-p{100 * share:.0f}", worse, text, (None, None))


def _oracle_panels(most: int, names: Sequence[str] | None) -> Iterator[tuple[str, list[Panel]]]:
    if PEERS.is_file():
        panels = _load(PEERS).PANELS
        for name in [name for name in panels if names is None or name in names]:
            source = panels[name]()
            ids = source.df["unique_id"].unique()
            chosen = source.df[source.df["unique_id"].isin(ids[:: -(-len(ids) // most)])]
            rows = chosen[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
            yield name, [Panel(rows, source.freq, source.season)]  # a period without a row stays unknown
    else:
        _note(f"{PEERS} is not here: no case on real panels")
    if names is None or "generated" in names:
        yield "generated", list(made_panels(min(most, 1000)).values())


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


@dataclass(frozen=True)
class Compared:
    """How a series' fit by the library differs from ours.

    `worse` is how far its objective lies above ours, `distance` the greatest one of fitted values and forecasts as a
    share of the series' scale, `again` that of what the library finds when it starts from our estimates: had it a
    better point elsewhere near, it would go there.
    """

    unique_id: str
    periods: int
    worse: float
    distance: float
    again: float = np.inf
    panel: str = ""


def compare(panel: Panel) -> Iterator[Compared]:
    """Each series that the library can fit."""
    fitted = fit_panel(panel, threads=CORES)
    parts = {str(name): part for name, part in panel.frame.groupby("unique_id", sort=False)}
    far = {}
    with ProcessPoolExecutor(CORES, initializer=_quiet) as pool:
        jobs = [(part[["ds", "y"]], FREQS[panel.freq], None) for part in parts.values()]
        for name, found in zip(parts, pool.map(library_fit, jobs, chunksize=4), strict=True):
            compared = None if found is None else _compare(fitted, name, parts[name], found)
            if compared is not None and compared.distance > NEAR:
                far[name] = compared
            elif compared is not None:
                yield compared
        starts = [(parts[name][["ds", "y"]], FREQS[panel.freq], _start(fitted, name)) for name in far]
        for name, found in zip(far, pool.map(library_fit, starts), strict=True):
            again = np.inf if found is None else _compare(fitted, name, parts[name], found).distance
            yield replace(far[name], again=again)


def library_fit(job: tuple[pd.DataFrame, str, dict[str, Any] | None]) -> Library | None:
    """The library's parameters and its values on the history and the steps after it; None where it fails."""
    from prophet import Prophet  # noqa: PLC0415 - not needed by the cases without it

    history, freq, start = job
    model = Prophet(uncertainty_samples=0)
    try:
        model.fit(history, **({} if start is None else {"init": start}))
    except RuntimeError:
        return None
    params = {name: np.asarray(value, dtype=float).reshape(1, -1) for name, value in model.params.items()}
    return params, model.predict(model.make_future_dataframe(STEPS, freq=freq))["yhat"].to_numpy()


def _start(fitted: FittedPanel, unique_id: str) -> dict[str, Any]:
    """Our estimates as the library takes them; it has a dummy where there are none of a kind."""
    own = fitted.coefficients(unique_id)
    arrays = {name: own[name] if len(own[name]) else np.zeros(1) for name in ("delta", "beta")}
    return {"k": own["k"], "m": own["m"], "sigma_obs": own["sigma"], **arrays}


def _compare(fitted: FittedPanel, unique_id: str, rows: pd.DataFrame, found: Library) -> Compared:
    group, row = fitted.find(unique_id)
    one = group.part(slice(row, row + 1))
    params, values = found
    m, k, sigma = (params[name][0] for name in ("m", "k", "sigma_obs"))
    delta, beta = params["delta"][:, : len(group.design.changepoints)], params["beta"][:, : len(group.design.columns)]
    theirs = Estimates(m, k, delta, beta, sigma, one.estimates.scale, one.estimates.floor)
    seen = rows[rows["y"].notna()]
    y, days = seen["y"].to_numpy()[None], days_of(pd.DatetimeIndex(seen["ds"]))
    none = np.empty((len(days), 0))
    objectives = [float(negative_log_posterior(group.design, e, y, days, none)[0]) for e in (one.estimates, theirs)]
    dates = pd.DatetimeIndex([*rows["ds"], *following(rows["ds"].iloc[-1], STEPS, fitted.freq)])
    mean = terms(group.design, one.estimates, days_of(dates), np.empty((1, len(dates), 0))).mean[0]
    distance = float(np.abs(mean - values).max() / one.estimates.scale[0])
    return Compared(unique_id, len(days), objectives[1] - objectives[0], distance)


def _speed(name: str, panel: Panel, horizon: int) -> Iterator[Case]:
    """Fit and forecast with P10, P50 and P90."""
    _ours(usual_panel(CORES, 156, "W"), horizon)
    ours = [_ours(panel, horizon) for _ in range(ROUNDS)]
    pool = _pool_seconds(panel, horizon)
    ours += [_ours(panel, horizon) for _ in range(ROUNDS)]  # others on the machine come and go in the meantime
    yield Case("prophet_panel", name, median(ours), "s", (None, 1 / 300), pool, f"prophet, {CORES} processes")
    if importlib.util.find_spec("prophet_batch") is None:
        return _note(f"prophet-batch is not installed: {name} is not compared with it")
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
    with ProcessPoolExecutor(CORES, initializer=_quiet) as pool:
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

    _quiet()
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


def _quiet() -> None:
    for name in ("cmdstanpy", "prophet", "prophet.models", "prophet.plot"):
        logging.getLogger(name).disabled = True


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("peer_panels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["peer_panels"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


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
