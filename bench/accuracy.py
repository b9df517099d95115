"""Forecasts of `--model auto` on the six real panels beside what a user would otherwise pick, scored alike."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.cases import Case, run

PEERS = Path("../shared/peers")
SCORES = ("wape", "rmsse", "wql")
BIASED = ("tiny_m5", "store_item_demand", "rossmann")
"""Panels whose totals are held to a bar."""
INTERMITTENT = ("tiny_m5",)
"""Panels that are judged by what lies above the band, since its lower end is mostly 0."""


def main(arguments: Sequence[str]) -> int:
    """Measure all panels, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.accuracy", description=__doc__)
    parser.add_argument("--peers", type=Path, default=PEERS, help=f"folder with panels.py and peers.py ({PEERS})")
    parser.add_argument("--panel", action="append", help="one of the panels; may be repeated (all)")
    parser.add_argument("--no-peers", action="store_true", help="our scores only, without cases beside a peer")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    if not (chosen.peers / "panels.py").exists():
        parser.error(f"{chosen.peers} holds no panels.py; say where with --peers")
    sys.path.insert(0, str(chosen.peers.resolve()))
    panels = importlib.import_module("panels").PANELS
    names = chosen.panel or list(panels)
    return run(case for name in names for case in measure(panels[name](), chosen))


def measure(panel: Any, chosen: argparse.Namespace) -> Iterator[Case]:
    """The cases of one panel."""
    seconds, ours = ours_on(panel, "auto", chosen.threads)
    print(json.dumps({"panel": panel.name, "model": "auto", "seconds": round(seconds, 1), **ours}), flush=True)
    if not chosen.no_peers:
        peers = peers_on(panel, chosen.peers)
        for score in SCORES:
            best = min(peers, key=lambda peer: float(peer[score]))
            yield Case(
                "accuracy", f"{panel.name}-{score}", ours[score], "share", (None, 1.0), best[score], best["peer"]
            )
        alone, _ = ours_on(panel, "lightgbm", chosen.threads)
        peer = next(float(peer["seconds"]) for peer in peers if peer["peer"] == "lightgbm")
        yield Case("accuracy", f"{panel.name}-lightgbm-seconds", alone, "s", (None, 1.0), peer, "lightgbm")
    if panel.name in INTERMITTENT:
        yield Case("accuracy", f"{panel.name}-above90", ours["above90"], "share", (0.08, 0.12))
    else:
        yield Case("accuracy", f"{panel.name}-cover80", ours["cover80"], "share", (0.75, 0.85))
    if panel.name in BIASED:
        yield Case("accuracy", f"{panel.name}-bias", ours["bias"], "share", (-0.03, 0.03))


def ours_on(panel: Any, model: str, threads: int) -> tuple[float, dict[str, float]]:
    """Wall seconds of the backtest command, and its scores."""
    score = importlib.import_module("scores").score
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "panel.parquet", Path(folder) / "forecasts.parquet"
        panel.df.to_parquet(source, index=False)
        command = [sys.executable, "-m", "ml", "backtest", "--input", source, "--output", made, "--model", model]
        command += ["--freq", panel.freq, "--season", panel.season, "--horizon", panel.horizon, "--threads", threads]
        command += [part for cutoff in panel.cutoffs() for part in ("--cutoff", f"{cutoff:%Y-%m-%d}")]
        command += ["--static", ",".join(panel.static), "--known", ",".join(panel.known)]
        began = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began, score(panel, pd.read_parquet(made))


def peers_on(panel: Any, folder: Path) -> list[dict[str, Any]]:
    """The scores of all peers that the panel's page of figures has."""
    names = ["seasonal_naive", "theta", "lightgbm"]
    if panel.freq == "MS":
        names += ["stat_ensemble", "prophet"]
    elif panel.name in INTERMITTENT:
        names += ["auto_ets", "prophet"]
    command = [
        sys.executable,
        "peers.py",
        "--panel",
        panel.name,
        *(part for name in names for part in ("--peer", name)),
    ]
    found = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    print(found, end="", flush=True)
    return [json.loads(line) for line in found.splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
