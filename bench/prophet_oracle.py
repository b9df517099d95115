"""Prophet for a panel beside the library as its oracle: objectives, fitted values and forecasts, series by series."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.cases import Case
from bench.made_panels import FREQS, made_panels
from ml.models.prophet_panel.estimates import Estimates
from ml.models.prophet_panel.fitted import FittedPanel, days_of, fit_panel
from ml.models.prophet_panel.forecast import terms
from ml.models.prophet_panel.objective import negative_log_posterior
from ml.panel import Panel
from ml.periods import following

Floats = NDArray[np.float64]
Library = tuple[dict[str, Floats], Floats]

PEERS = Path(__file__).resolve().parents[2] / "shared" / "peers" / "panels.py"
CORES = len(os.sched_getaffinity(0))
STEPS = 28
NEAR = 0.02
WORSE = 1e-6
"""The library stopped early where its objective is worse by more than this."""
FLAT = 1e-2
"""Of the objective: one per cent of the density. Fits that differ by so little are both near the optimum."""


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
        note(f"{PEERS} is not here: no case on real panels")
    if names is None or "generated" in names:
        yield "generated", list(made_panels(min(most, 1000)).values())


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
    with ProcessPoolExecutor(CORES, initializer=quiet) as pool:
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


def quiet() -> None:
    """Without what the library says of each fit."""
    for name in ("cmdstanpy", "prophet", "prophet.models", "prophet.plot"):
        logging.getLogger(name).disabled = True


def note(text: str) -> None:
    """Say what is left out."""
    sys.stderr.write(f"{text}\n")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("peer_panels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["peer_panels"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module
