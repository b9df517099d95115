"""`python -m ml tune`: search the parameters of a model on a panel from a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ml.errors import ConfigurationError
from ml.evaluation.cli import add_panel_options, bar, check_output, read_panel
from ml.evaluation.search import SPACES, search


def main(arguments: Sequence[str]) -> int:
    """Search, write what was found, print it as one JSON line; returns the exit code."""
    chosen = create_parser().parse_args(arguments)
    check_output(chosen.output)
    if not chosen.seconds > 0:
        raise ConfigurationError(f"--seconds is {chosen.seconds:g}; expected more than 0.")
    panel = read_panel(chosen)
    if chosen.until:
        panel = panel.until(pd.Timestamp(chosen.until))
    found = search(chosen.model, panel, chosen.seconds, horizon=chosen.horizon, threads=chosen.threads, progress=bar())
    line = json.dumps(found.as_dict())
    if chosen.output:
        chosen.output.write_text(line + "\n", encoding="utf-8")
    sys.stdout.write(line + "\n")
    return 0


def create_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser("python -m ml tune", description=__doc__)
    add_panel_options(parser)
    parser.add_argument("--until", type=_day, help="last period to search on, such as 2024-01-01 (the last one)")
    parser.add_argument("--model", default="lightgbm", choices=list(SPACES))
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to search (600)")
    parser.add_argument("--output", type=Path, help="JSON file for the parameters, which `ml backtest` reads")
    return parser


def _day(text: str) -> str:
    pd.Timestamp(text)  # argparse tells what ValueError says
    return text
