"""The search for parameters: better ones are found, defaults are kept where nothing beats them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.errors import ConfigurationError
from ml.evaluation.search import search
from tests.panels import seasonal_panel

pytest.importorskip("optuna", reason="needs optuna: pip install -r requirements-tuning.in")


def test_a_search_gains_on_the_defaults_or_keeps_them() -> None:
    found = search("ridge", seasonal_panel(series=8, periods=48), 4.0, horizon=3)
    assert found.tried >= 2
    assert (found.gain > 0) == bool(found.parameters)
    assert set(found.parameters) <= {"penalty"}


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="theta has no parameters to search; expected one of lightgbm"):
        search("theta", seasonal_panel(), 1.0, horizon=3)


def test_what_was_found_is_written_for_the_backtest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seasonal_panel(series=6, periods=40).frame.to_csv(tmp_path / "panel.csv", index=False)
    options = ["--input", tmp_path / "panel.csv", "--freq", "MS", "--season", 12, "--horizon", 3, "--model", "ridge"]
    assert main(["tune", *map(str, options), "--seconds", "1", "--output", str(tmp_path / "found.json")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "found.json").read_text())
    more = ["--cutoff", "2021-12-01", "--parameters", str(tmp_path / "found.json")]
    assert main(["backtest", *map(str, options), *more]) == 0
