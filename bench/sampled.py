"""What forecasts of all series lose where the model learned from a sample of them: beside one that learned from all.

    python -m bench.sampled --share 0.25 --panel store_item_demand

Panels are those of `bench.accuracy`; the sample is drawn as training draws it (`ml.etl.sample`).
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.accuracy import PEERS
from bench.cases import Case, run
from ml import models
from ml.etl.sample import spread_out
from ml.panel import Panel

NAMES = ("tiny_m5", "rossmann", "store_item_demand")
"""The panels with the most series."""
SCORES = ("wape", "wql", "cover80")


def main(arguments: Sequence[str]) -> int:
    """Measure the panels; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.sampled", description=__doc__)
    parser.add_argument("--peers", type=Path, default=PEERS, help=f"folder with panels.py and scores.py ({PEERS})")
    parser.add_argument("--panel", action="append", help=f"one of the panels; may be repeated ({', '.join(NAMES)})")
    parser.add_argument("--model", default="lightgbm", choices=models.NAMES)
    parser.add_argument("--share", type=float, default=0.25, help="of the series that are learned from (0.25)")
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, str(chosen.peers.resolve()))
    panels = importlib.import_module("panels").PANELS
    return run(case for name in chosen.panel or NAMES for case in measure(panels[name](), chosen))


def measure(given: Any, chosen: argparse.Namespace) -> Iterator[Case]:
    """The scores of one panel, learned from a sample beside learned from all; no bar was set for what that may cost."""
    score = importlib.import_module("scores").score
    panel = Panel.from_frame(given.df, given.freq, given.season, static=given.static, known=given.known)
    every, few = (
        score(
            given, pd.concat(forecast(panel, cutoff, given.horizon, chosen.model, share) for cutoff in given.cutoffs())
        )
        for share in (1.0, chosen.share)
    )
    for name in SCORES:
        yield Case("sampled", f"{given.name}-{name}", few[name], "share", (None, None), every[name], "all series")


def forecast(panel: Panel, cutoff: pd.Timestamp, horizon: int, model: str, share: float) -> pd.DataFrame:
    """Forecasts of all series by a model that learned from a share of them."""
    past = panel.until(cutoff)
    sales = np.nansum(past.wide.y, axis=1)
    rows = spread_out(np.argsort(sales, kind="stable").tolist(), int(len(sales) * share))
    fitted = models.create(model, horizon=horizon, threads=2).fit(past.only(np.sort(np.array(rows)))).update(past)
    return fitted.predict(horizon, panel.future(cutoff, horizon)).assign(cutoff=cutoff)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
