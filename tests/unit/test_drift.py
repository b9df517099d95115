"""Drift is called by its name where errors or inputs have changed, and noise and hard seasons are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import dates, panel_of, seasonal_panel

from ml.evaluation.drift import OK, RETRAIN, WATCH, Finding, Promise, conclude, judge_errors, worst
from ml.evaluation.drift_inputs import InputDrift, compare_inputs, judge_inputs, new_share, stability_index
from ml.panel import Panel

BASE = "area/product"
PROMISES = {BASE: Promise(0.2, 0.3), "total/total": Promise(0.05, 0.08)}
FINE = Finding(OK, ())


def errors(
    level: str = BASE, wape: float = 0.2, periods: int = 6, noise: float = 0.05, over: float = 0.0, **columns: float
) -> pd.DataFrame:
    """Errors of some periods around a WAPE; `over` is the bias."""
    random = np.random.default_rng(3)
    shares = wape * (1 + noise * random.standard_normal(periods))
    frame = pd.DataFrame({"level": level, "ds": dates(periods), "volume": 1000.0, "rows": 50, "inside": 40})
    return frame.assign(**{"error": 1000 * shares, "over": 1000 * over, "naive": 300.0, **columns})


def verdict(frame: pd.DataFrame) -> str:
    (found,) = judge_errors(frame, PROMISES)
    assert bool(found.reasons) == (found.verdict != OK)
    return found.verdict


@pytest.mark.parametrize(("wape", "expected"), [(0.1, OK), (0.2, OK), (0.22, OK), (0.27, WATCH), (0.4, RETRAIN)])
def test_errors_beyond_the_promise_are_drift(wape: float, expected: str) -> None:
    assert verdict(errors(wape=wape)) == expected


def test_errors_that_a_naive_forecast_shares_are_a_hard_season() -> None:
    assert verdict(errors(wape=0.4, naive=600.0)) == OK
    (found,) = judge_errors(errors(wape=0.5, naive=400.0), PROMISES)
    assert found.expected == pytest.approx(0.2 * 4 / 3)
    assert found.verdict == RETRAIN
    assert "as hard as these" in found.reasons[0]


def test_easy_periods_hold_the_model_to_no_more_than_its_promise() -> None:
    assert verdict(errors(wape=0.2, naive=50.0)) == OK


def test_what_noise_explains_is_no_drift() -> None:
    assert verdict(errors(wape=0.27, noise=0.9)) == OK


@pytest.mark.parametrize("periods", [1, 2])
def test_few_periods_say_nothing(periods: int) -> None:
    found = judge_errors(errors(wape=0.9, periods=periods), PROMISES)
    assert [one.verdict for one in found] == [OK]
    assert conclude(found, FINE).reasons == ("fewer than 3 periods are known yet that this model had forecast",)
    assert "no period is known" in conclude([], FINE).reasons[0]


def test_a_steady_bias_and_narrow_bands_are_watched() -> None:
    assert verdict(errors(over=0.21)) == WATCH
    assert verdict(errors(over=-0.21)) == WATCH
    assert verdict(errors(over=0.05)) == OK
    assert verdict(errors(inside=25.0)) == WATCH
    assert verdict(errors(inside=25.0, rows=4.0 * 10)) == OK


def test_levels_without_promise_or_sales_are_left_out() -> None:
    frame = pd.concat([errors("region/total"), errors("total/total", volume=0.0)])
    assert judge_errors(frame, PROMISES) == []


def test_a_promise_of_no_error_at_all_is_not_taken_literally() -> None:
    (found,) = judge_errors(errors(wape=0.01), {BASE: Promise(0.0, 0.0)})
    assert (found.verdict, found.promised) == (OK, 0.02)


def test_the_verdict_over_all_is_the_worst_and_two_doubts_are_one_reason() -> None:
    watched = judge_errors(pd.concat([errors(wape=0.27), errors("total/total", 0.05)]), PROMISES)
    assert worst(level.verdict for level in watched) == WATCH
    assert conclude(watched, FINE).verdict == WATCH
    assert conclude(watched, FINE).reasons[0].startswith("area/product: forecasts are off by")
    both = conclude(watched, Finding(WATCH, ("sales have changed",)))
    assert both.verdict == RETRAIN
    assert both.reasons[-1] == "sales have changed"
    calm = judge_errors(errors(), PROMISES)
    assert conclude(calm, Finding(WATCH, ("sales have changed",))).verdict == WATCH


def test_the_stability_index_tells_shifts_from_noise() -> None:
    random = np.random.default_rng(5)
    learned = random.standard_normal(5000)
    same, noise = stability_index(learned, random.standard_normal(500))
    assert same < noise < 0.1
    assert stability_index(learned, random.standard_normal(500) + 1)[0] > 0.25
    assert stability_index(np.zeros(100), np.zeros(60))[0] == 0.0
    expected = (0.9 - 0.5) * np.log(0.9 / 0.5) + (0.1 - 0.5) * np.log(0.1 / 0.5)
    halves = stability_index(np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], [90, 10]))
    assert halves[0] == pytest.approx(expected)


def shifted(panel: Panel, since: pd.Timestamp, factor: float) -> Panel:
    y = panel.frame["y"].where(panel.frame["ds"] <= since, panel.frame["y"] * factor)
    return Panel.from_frame(panel.frame.assign(y=y), "MS", 12, known=["promo"])


def test_inputs_that_go_on_as_before_have_not_drifted() -> None:
    panel = seasonal_panel(series=60, periods=60)
    found = compare_inputs(panel, panel.periods[55])
    assert [one.name for one in found] == ["sales", "change on a season before", "promo"]
    assert judge_inputs(found, 0.0) == FINE


def test_a_fall_of_all_sales_is_input_drift() -> None:
    panel = seasonal_panel(series=60, periods=60)
    found = compare_inputs(shifted(panel, panel.periods[55], 0.4), panel.periods[55])
    assert {one.name for one in found if one.drifted} == {"sales", "change on a season before"}
    judged = judge_inputs(found, 0.0)
    assert judged.verdict == WATCH
    assert "stability index" in judged.reasons[0]


def test_without_newer_periods_nothing_is_compared() -> None:
    panel = seasonal_panel(series=60, periods=30)
    assert compare_inputs(panel, panel.last) == []
    assert compare_inputs(panel, panel.periods[-2]) == []


@pytest.mark.parametrize(("new", "expected"), [(0.05, OK), (0.15, WATCH), (0.5, RETRAIN)])
def test_sales_by_new_series_call_for_a_training(new: float, expected: str) -> None:
    assert judge_inputs([InputDrift("sales", 0.05, 0.01)], new).verdict == expected


def test_the_share_of_new_series_is_of_newer_sales() -> None:
    panel = panel_of({"old": [10.0] * 20, "new": [30.0] * 4})
    assert new_share(panel, panel.periods[15]) == pytest.approx(0.75)
    assert new_share(panel, panel.periods[17]) == 0.0
    assert new_share(panel, panel.last) == 0.0
