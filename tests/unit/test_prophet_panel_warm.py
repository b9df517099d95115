"""What is compiled ahead is all that a job needs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from numba.core import caching

from ml.models.prophet_panel.compiled import compiled

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles for some time

USUAL = """
import sys

import pandas as pd
from numba.core.registry import CPUDispatcher
from panels import seasonal_panel

from ml.models.prophet_panel.forecaster import ProphetForecaster, Settings
from ml.models.prophet_panel.warm import warm_up


def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("ml.models.prophet_panel.")]
    loops = {loop for module in modules for loop in vars(module).values() if isinstance(loop, CPUDispatcher)}
    return {(loop.__name__, str(signature)) for loop in loops for signature in loop.signatures}


warm_up()
before = compiled()
assert {name for name, _ in before} >= {"fit_block", "fit_bilinear_block", "weighted_sums", "block_offsets"}, before
holidays = [{"holiday": "fair", "ds": "2020-03-01"}]
for mode in ("additive", "multiplicative"):
    options = {"seasonality_mode": mode, "growth": "flat" if mode == "additive" else "linear"}
    panel = seasonal_panel(series=4)
    model = ProphetForecaster(Settings(options, use_known=True, holidays=holidays)).fit(panel)
    known = panel.frame.groupby("unique_id").tail(3).assign(ds=lambda rows: rows["ds"] + pd.DateOffset(months=3))
    model.predict(3, known)
assert compiled() == before, compiled() - before
"""


def test_nothing_is_left_to_compile_after_warming_up() -> None:
    result = subprocess.run(
        [sys.executable, "-c", USUAL],
        env={"PYTHONPATH": ".:tests", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_without_a_folder_to_keep_it_code_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    monkeypatch.delenv("NUMBA_CACHE_LOCATOR_CLASSES", raising=False)

    def half(value: float) -> float:
        return value / 2

    assert compiled(half)(3.0) == 1.5
