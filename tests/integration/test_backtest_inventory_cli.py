"""`python -m ml backtest-inventory`: policies replayed over files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.__main__ import main


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    """Twenty weeks of three items that sell 0 to 6 units a day."""
    random = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=140)
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days, "y": random.integers(0, 7, len(days))}) for name in "abc"
    )
    frame.to_csv(tmp_path / "panel.csv", index=False)
    return tmp_path / "panel.csv"


def run(capsys: pytest.CaptureFixture[str], panel: Path, *options: str) -> list[dict[str, object]]:
    assert (
        main(["backtest-inventory", "--input", str(panel), "--days", "56", "--review", "7", "--lead", "3", *options])
        == 0
    )
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_more_safety_serves_more_and_holds_more(capsys: pytest.CaptureFixture[str], panel: Path) -> None:
    options = ("--policy", "average:0.8", "--policy", "average:1.5", "--policy", "seasonal_naive:0.9")
    little, much, modelled, best = run(capsys, panel, *options)
    assert float(str(little["fill"])) < float(str(much["fill"]))
    assert float(str(little["stock"])) < float(str(much["stock"]))
    assert modelled["policy"] == "seasonal_naive:0.9"
    costs = {str(one["policy"]): float(str(one["cost"])) for one in (little, much, modelled)}
    assert best == {"cheapest": min(costs, key=lambda name: costs[name]), "compared_with": "average:0.8"}


@pytest.mark.parametrize(
    ("policy", "says"), [("magic:0.9", "expected one of"), ("average", "a number"), ("tsb:2", "a share")]
)
def test_a_policy_that_there_is_not_is_named(
    capsys: pytest.CaptureFixture[str], panel: Path, policy: str, says: str
) -> None:
    assert main(["backtest-inventory", "--input", str(panel), "--days", "56", "--policy", policy]) == 2
    assert says in capsys.readouterr().err


def test_a_panel_that_is_too_short_is_refused(capsys: pytest.CaptureFixture[str], panel: Path) -> None:
    assert main(["backtest-inventory", "--input", str(panel)]) == 2
    assert "more than 364 days" in capsys.readouterr().err
