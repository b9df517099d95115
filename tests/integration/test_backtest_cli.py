"""`python -m ml backtest` on real panels, scored independently."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from panels import seasonal_panel

from ml.evaluation.cli import read_parquet

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
COLUMNS = ["unique_id", "cutoff", "ds", "mean", "p10", "p50", "p90", "model"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml", "backtest", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=110, check=False)


def load(name: str) -> ModuleType:
    """A module of the shared scoring code."""
    spec = importlib.util.spec_from_file_location(name, SHARED / "peers" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_one_json_line_and_the_columns_that_were_promised(tmp_path: Path) -> None:
    panel = seasonal_panel(series=6, periods=40)
    panel.frame.to_csv(tmp_path / "panel.csv", index=False)
    done = run(
        "--input", tmp_path / "panel.csv", "--freq", "MS", "--season", 12, "--horizon", 4, "--static", "region",
        "--known", "promo", "--cutoff", "2021-10-01", "--cutoff", "2021-12-01", "--model", "lightgbm",
        "--output", tmp_path / "out.parquet",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    assert {"model", "seconds", "scores", "used"} <= set(json.loads(lines[0]))
    out = read_parquet(tmp_path / "out.parquet")
    assert list(out.columns) == COLUMNS
    assert len(out) == 6 * 2 * 4


@pytest.mark.parametrize("blank", [np.nan, 1e9], ids=["missing", "other"])
def test_sales_after_the_cutoff_change_no_byte_of_the_output(tmp_path: Path, blank: float) -> None:
    panel = seasonal_panel(series=6, periods=40)
    after = panel.frame["ds"] > pd.Timestamp("2021-10-01")
    frames = {"honest": panel.frame, "blank": panel.frame.assign(y=panel.frame["y"].mask(after, blank))}
    for name, frame in frames.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        done = run(
            "--input", tmp_path / f"{name}.parquet", "--freq", "MS", "--season", 12, "--horizon", 6, "--known", "promo",
            "--cutoff", "2021-10-01", "--model", "auto", "--output", tmp_path / f"{name}.csv",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "honest.csv").read_bytes() == (tmp_path / "blank.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cutoff", "2035-01-01"], "cutoff 2035-01-01 is no period of the panel, 2019-01-01 to 2022-04-01"),
        (["--cutoff", "soon"], "cutoff 'soon' is not a date"),
        (["--cutoff", "2021-10-01", "--static", "colour"], "no column colour"),
        (["--cutoff", "2021-10-01", "--input", "nowhere.parquet"], "nowhere.parquet cannot be read"),
        (["--cutoff", "2021-10-01", "--horizon", "-2"], "the horizon is -2; expected at least 1 period"),
        (["--cutoff", "2021-10-01", "--budget", "0"], "--budget is 0; expected seconds above 0"),
        (["--cutoff", "2021-10-01", "--budget", "9", "--model", "theta"], "--budget goes with --model auto"),
        (["--cutoff", "2021-10-01", "--output", "no/such/out.parquet"], "no/such is no folder that can be written to"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    seasonal_panel(series=2, periods=40).frame.to_parquet(tmp_path / "panel.parquet")
    done = run("--input", tmp_path / "panel.parquet", "--freq", "MS", "--season", 12, "--horizon", 4, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["superstore_monthly"])
def test_the_output_is_scored_by_the_shared_scores_and_beats_the_naive_peer(tmp_path: Path, name: str) -> None:
    if not (SHARED / "peers" / "panels.py").exists() or not (SHARED / "data").exists():
        pytest.skip("needs ../shared/peers and ../shared/data, which are not here")
    real = load("panels").PANELS[name]()
    real.df.to_parquet(tmp_path / "panel.parquet")
    cutoffs = [part for cutoff in real.cutoffs() for part in ("--cutoff", f"{cutoff:%Y-%m-%d}")]
    done = run(
        "--input", tmp_path / "panel.parquet", "--freq", real.freq, "--season", real.season, "--horizon", real.horizon,
        "--static", ",".join(real.static), *cutoffs, "--model", "lightgbm", "--output", tmp_path / "out.parquet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = load("scores").score(real, read_parquet(tmp_path / "out.parquet"))
    own = json.loads(done.stdout)["scores"]
    assert scores["wape"] < 0.85
    assert scores["wql"] < 0.58
    assert 0.72 < scores["cover80"] < 0.88
    assert own["wape"] == pytest.approx(scores["wape"], rel=0.05)
