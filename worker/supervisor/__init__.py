"""Runs all processes of one machine: starts them in order, keeps them alive, stops them in order."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from worker.supervisor.supervisor import up

__all__ = ["main", "up"]


def main(arguments: Sequence[str]) -> int:
    """`python -m worker up [--demo] [--data FILE]`; returns the exit code."""
    parser = argparse.ArgumentParser("python -m worker up", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="load demo data when there is none")
    parser.add_argument("--data", type=Path, metavar="FILE", help="load this CSV file instead; implies --demo")
    chosen = parser.parse_args(arguments)
    return up(demo=chosen.demo or chosen.data is not None, data=chosen.data)
