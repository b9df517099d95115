"""Rolling origins: where they lie, and that nothing after a cutoff is ever read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import dates, panel_of, seasonal_panel

from ml import models
from ml.errors import DataError, NotEnoughHistoryError
from ml.evaluation.backtest import backtest, plan_cutoffs
from ml.evaluation.origins import YEAR, plan_trials, steps_after
from ml.panel import Panel

FORECAST = ["unique_id", "cutoff", "ds", "mean", "p10", "p50", "p90", "p025", "p975", "model"]


def learned_sizes(periods: int, horizon: int, windows: int = 3) -> list[int]:
    panel = panel_of({"a": np.arange(periods)})
    return [int(panel.periods.get_loc(cutoff)) + 1 for cutoff in plan_cutoffs(panel, horizon, windows)]


@pytest.mark.parametrize(
    ("periods", "horizon", "expected"),
    [(72, 12, [36, 48, 60]), (48, 12, [24, 30, 36]), (36, 12, [24, 28, 32]), (12, 12, [8, 9, 10]), (3, 12, [2])],
)
def test_cutoffs_leave_two_seasons_or_two_thirds_to_learn_from(periods: int, horizon: int, expected: list[int]) -> None:
    assert learned_sizes(periods, horizon) == expected


@pytest.mark.parametrize("periods", range(2, 60))
@pytest.mark.parametrize("horizon", [1, 3, 12])
def test_every_cutoff_has_a_past_and_something_to_score(periods: int, horizon: int) -> None:
    sizes = learned_sizes(periods, horizon)
    assert 1 <= len(sizes) <= 3
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= 1
    assert sizes[-1] < periods


def test_one_period_is_not_enough() -> None:
    with pytest.raises(NotEnoughHistoryError, match="1 of 2 months"):
        plan_cutoffs(panel_of({"a": [1]}), 3)


def test_short_horizons_are_tried_a_year_before_too() -> None:
    """Days: three origins of four weeks see a quarter of a year; those of a year before see the same season."""
    days = seasonal_panel(series=2, periods=4 * YEAR["D"], freq="D")
    earlier, latest = plan_trials(days, 28)
    assert latest == plan_cutoffs(days, 28)
    assert [(new - old).days for old, new in zip(earlier, latest, strict=True)] == [364] * 3


def test_origins_that_see_half_a_year_need_no_others() -> None:
    days = seasonal_panel(series=2, periods=4 * YEAR["D"], freq="D")
    assert plan_trials(days, 90) == [plan_cutoffs(days, 90)]


def test_a_year_before_is_tried_only_where_two_years_were_seen_by_then() -> None:
    days = seasonal_panel(series=2, periods=3 * YEAR["D"], freq="D")
    assert plan_trials(days, 28) == [plan_cutoffs(days, 28)]


def test_steps_are_counted_to_the_end_of_the_panel() -> None:
    panel = panel_of({"a": range(10)})
    assert [steps_after(panel, cutoff, 3) for cutoff in dates(10)[[4, 7, 9]]] == [3, 2, 0]


def test_a_backtest_has_one_row_per_series_cutoff_and_step() -> None:
    panel = seasonal_panel(series=5, periods=40)
    cutoffs = [panel.periods[30], panel.periods[37]]
    seen: list[tuple[int, int]] = []
    frame = backtest(
        panel, models.create("seasonal_naive"), cutoffs, 6, lambda _phase, done=0, total=0: seen.append((done, total))
    )
    assert frame.groupby("cutoff").size().tolist() == [5 * 6, 5 * 2]
    assert seen == [(0, 2), (1, 2), (2, 2)]
    joined = frame.merge(panel.frame, on=["unique_id", "ds"], suffixes=("", "_panel"))
    assert (joined["y"] == joined["y_panel"]).all()
    assert ((frame["ds"].dt.year - frame["cutoff"].dt.year) * 12 + frame["ds"].dt.month - frame["cutoff"].dt.month
            == frame["step"]).all()  # fmt: skip


def test_steps_not_known_yet_are_forecast_where_the_whole_horizon_is_asked_for() -> None:
    panel = panel_of({"a": range(30)})
    frame = backtest(panel, models.create("seasonal_naive"), [panel.periods[27]], 6, whole=True)
    assert frame["y"].notna().tolist() == [True, True, False, False, False, False]


def test_scales_are_measured_before_the_cutoff() -> None:
    panel = panel_of({"a": [1.0, 2.0, 4.0, 7.0, 900.0]}, season_length=2)
    frame = backtest(panel, models.create("seasonal_naive"), [panel.periods[3]], 1)
    assert frame["rmsse_scale"].item() == pytest.approx(np.sqrt((1 + 4 + 9) / 3))
    assert frame["mase_scale"].item() == pytest.approx((3 + 5) / 2)


def test_a_backtest_needs_cutoffs() -> None:
    with pytest.raises(DataError, match="no cutoff"):
        backtest(panel_of({"a": range(9)}), models.create("seasonal_naive"), [], 3)


def poison(panel: Panel, cutoff: pd.Timestamp) -> Panel:
    """The same panel with other sales after the cutoff."""
    random = np.random.default_rng(7)
    after = panel.frame["ds"] > cutoff
    lies = random.normal(0, 1e6, len(panel.frame))
    return replace(panel, frame=panel.frame.assign(y=panel.frame["y"].mask(after, lies)))


@pytest.mark.parametrize("freq", ["MS", "D"])
@pytest.mark.parametrize("name", ["seasonal_naive", "lightgbm", "auto"])
def test_other_sales_after_the_cutoff_leave_every_bit_of_the_forecast(name: str, freq: str) -> None:
    panel = seasonal_panel(series=12, periods=60, freq=freq)
    cutoff = panel.periods[47]
    model = models.create(name, horizon=6)
    honest, poisoned = (backtest(made, model, [cutoff], 6)[FORECAST] for made in (panel, poison(panel, cutoff)))
    pd.testing.assert_frame_equal(honest, poisoned, check_exact=True)


def test_known_columns_after_the_cutoff_are_read() -> None:
    panel = seasonal_panel(series=12, periods=60)
    cutoff = panel.periods[53]
    after = panel.frame["ds"] > cutoff
    busy = replace(panel, frame=panel.frame.assign(promo=panel.frame["promo"].mask(after, 1.0)))
    quiet = replace(panel, frame=panel.frame.assign(promo=panel.frame["promo"].mask(after, 0.0)))
    model = models.create("lightgbm", horizon=6)
    assert backtest(busy, model, [cutoff], 6)["mean"].sum() > 1.05 * backtest(quiet, model, [cutoff], 6)["mean"].sum()
