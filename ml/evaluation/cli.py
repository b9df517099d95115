"""`python -m ml backtest`: score any model on any panel from files, without a database."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet

from ml import models
from ml.errors import ConfigurationError, DataError, SourceError
from ml.evaluation.backtest import backtest
from ml.evaluation.joint import JointBacktest
from ml.evaluation.metrics import score
from ml.panel import Panel, fill_gaps
from ml.progress import Progress, silent

OUTPUT = ["unique_id", "cutoff", "ds", "mean", "p10", "p50", "p90", "model"]


def main(arguments: Sequence[str]) -> int:
    """Backtest, write the forecasts, print one JSON line with seconds and scores; returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin while they wait halve a shared machine
    chosen = create_parser().parse_args(arguments)
    check_output(chosen.output)
    panel = read_panel(chosen)
    cutoffs = read_cutoffs(chosen.cutoff, panel)
    own = {**limits(chosen), **read_parameters(chosen.parameters)}
    forecaster = models.create(chosen.model, horizon=chosen.horizon, threads=chosen.threads, **own)
    began = time.perf_counter()
    if chosen.budget is None:
        joint = JointBacktest({chosen.model: forecaster}, panel, cutoffs, chosen.horizon, whole=True)
        frame = joint.run(bar()).frame(chosen.model)
    else:  # a budget is shared out by each fit of its own
        frame = backtest(panel, forecaster, cutoffs, chosen.horizon, bar(), whole=True)
    seconds = time.perf_counter() - began
    if chosen.output:
        write(frame[OUTPUT], chosen.output)
    scores = score(frame) if frame["y"].notna().any() else None
    used = frame["model"].value_counts().to_dict()
    summary = {"model": chosen.model, "seconds": round(seconds, 1), "scores": scores, "used": used}
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0


def create_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser("python -m ml backtest", description=__doc__)
    add_panel_options(parser)
    parser.add_argument("--cutoff", action="append", required=True, help="last period to learn from; may be repeated")
    parser.add_argument("--model", default="auto", choices=models.NAMES)
    parser.add_argument("--parameters", type=Path, help="JSON of the model's own parameters, as `ml tune` writes it")
    parser.add_argument("--budget", type=float, help="seconds that auto may take for all cutoffs together")
    parser.add_argument("--output", type=Path, help="parquet or CSV for the forecasts")
    return parser


def add_panel_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a panel (see `read_panel`), how far to forecast it, and with how many threads."""
    parser.add_argument("--input", type=Path, required=True, help="parquet or CSV: unique_id, ds, y, named columns")
    parser.add_argument("--freq", required=True, help="D (days), W (weeks) or MS (months)")
    parser.add_argument("--season", type=int, required=True, help="periods in a season: 7, 52, 12")
    parser.add_argument("--horizon", type=int, required=True, help="periods to forecast")
    parser.add_argument("--static", default="", help="columns that are constant per series, by comma")
    parser.add_argument("--known", default="", help="columns known for future periods, by comma")
    parser.add_argument("--threads", type=int, default=1)


def read_parameters(path: Path | None) -> dict[str, Any]:
    """The object `parameters` of a JSON file; raises SourceError where it holds none."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["parameters"]
        return dict(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f'{path} cannot be read as parameters ({error}); expected JSON such as {{"parameters": {{"rounds": 500}}}}.'
        ) from error


def limits(chosen: argparse.Namespace) -> dict[str, Any]:
    """The time for each cutoff; raises ConfigurationError where there is none, or a model that cannot keep to it."""
    if chosen.budget is None:
        return {}
    if chosen.model != models.AUTO:
        raise ConfigurationError(f"--budget goes with --model {models.AUTO}, which has a choice; found {chosen.model}.")
    if not chosen.budget > 0:
        raise ConfigurationError(f"--budget is {chosen.budget:g}; expected seconds above 0.")
    return {"budget": chosen.budget / len(chosen.cutoff)}


def read_panel(arguments: argparse.Namespace) -> Panel:
    """The panel of the command line, its gaps filled with 0; SourceError or DataError say what is wrong with it."""
    static, known = _names(arguments.static), _names(arguments.known)
    frame = fill_gaps(read(arguments.input), arguments.freq, static, known)
    return Panel.from_frame(frame, arguments.freq, arguments.season, static=static, known=known)


def read(path: Path) -> pd.DataFrame:
    """A table from parquet or CSV; raises SourceError where it cannot be read."""
    try:
        if path.suffix == ".parquet":
            return read_parquet(path)
        return pd.read_csv(path, dtype={"unique_id": str})
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read ({error}); expected a parquet or CSV file.") from error


def read_parquet(path: Path) -> pd.DataFrame:
    """A table from parquet, read by this thread alone: pyarrow's own may abort a process that ends soon after."""
    with parquet.ParquetFile(path) as file:
        frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
    return frame


def check_output(path: Path | None) -> None:
    """Raise ConfigurationError where a file could not be written there: before the work, not after it."""
    if path and not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigurationError(f"--output is {path}, but {path.parent} is no folder that can be written to; make it.")


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as parquet, or as CSV where the name says so."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)


def read_cutoffs(texts: list[str], panel: Panel) -> list[pd.Timestamp]:
    """The cutoffs, oldest first; raises DataError for one that is not a period of the panel."""
    found = []
    for text in texts:
        try:
            cutoff = pd.Timestamp(text)
        except ValueError:
            raise DataError(f"cutoff {text!r} is not a date; expected one such as 2024-01-01.") from None
        if cutoff not in panel.periods:
            first, last = panel.periods[0], panel.periods[-1]
            raise DataError(
                f"cutoff {text} is no period of the panel, {first:%Y-%m-%d} to {last:%Y-%m-%d}; give one of those."
            )
        found.append(cutoff)
    return sorted(set(found))


def bar() -> Progress:
    """A progress bar on a terminal, else nothing."""
    if not sys.stderr.isatty():
        return silent

    def show(phase: str, done: int = 0, total: int = 0) -> None:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{phase} [{'█' * filled}{'·' * (30 - filled)}] {done}/{total}{end}")
        sys.stderr.flush()

    return show


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
