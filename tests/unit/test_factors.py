"""What makes up a combination's forecasts, by theme: sums are exact, and members count as they do in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from panels import seasonal_panel

from ml.explain.factors import Explained, explained, factors
from ml.explain.importance import importance
from ml.explain.themes import (
    AGE,
    AHEAD,
    BASE,
    CALENDAR,
    CORRECTION,
    GAPS,
    GROWTH,
    LEVEL,
    OWN,
    PLACE,
    RECENT,
    SEASON,
    WEEKDAY,
    theme_of,
    theme_of_model,
)
from ml.features.direct import DirectTable
from ml.features.scales import recent_level
from ml.features.table import FeatureTable
from ml.models.auto import CombinedForecaster
from ml.models.base import PointModel
from ml.models.boosting import LightGBM
from ml.models.conformal import ConformalForecaster
from ml.models.direct import DirectLightGBM
from ml.models.naive import SeasonalNaive
from ml.models.statistical import Statistical
from ml.panel import Panel

PANEL = seasonal_panel(series=20, periods=64)
PAST = PANEL.until(PANEL.periods[-5])
KNOWN = PANEL.future(PAST.last, 4)
AHEAD_OF = Panel(
    pd.concat([PAST.frame, PANEL.frame[PANEL.frame["ds"] > PAST.last].assign(y=np.nan)]).sort_values(
        ["unique_id", "ds"], ignore_index=True
    ),
    "MS", 12, ("region",), ("promo",),
)  # fmt: skip


def members(panel: Panel, horizon: int) -> dict[str, PointModel]:
    found: list[PointModel] = [
        SeasonalNaive(),
        LightGBM(rounds=40),
        DirectLightGBM("log", horizon, rounds=40),
        DirectLightGBM("tweedie", horizon, rounds=40),
        Statistical("theta"),
    ]
    return {one.name: one for one in found}


@pytest.fixture(scope="module")
def combined() -> CombinedForecaster:
    return CombinedForecaster(members, horizon=4).fit(PAST)


def of(forecaster: CombinedForecaster, rows: list[int]) -> Explained:
    found = explained(forecaster, AHEAD_OF, np.array(rows), 4)
    assert found is not None
    return found


def issued(forecaster: CombinedForecaster, rows: list[int]) -> np.ndarray:
    made = forecaster.predict(4, KNOWN)
    return made.groupby("unique_id", sort=False)["mean"].first().to_numpy()[rows]


def test_base_and_themes_add_up_to_what_was_issued(combined: CombinedForecaster) -> None:
    rows = [0, 5, 7, 19]
    made = issued(combined, rows)
    frame = factors(of(combined, rows), made)
    np.testing.assert_allclose(frame.sum(axis=1), made, rtol=1e-12)
    bias = 1 - 1 / combined._fitted.calibration.factor  # the one thing that followed the members
    np.testing.assert_allclose(frame[CORRECTION], bias * made, atol=1e-6 * made.max())
    np.testing.assert_allclose(frame[BASE], recent_level(PAST.wide, 12)[rows])
    assert "plan:promo" in frame
    assert {BASE, RECENT, LEVEL, SEASON, PLACE} <= set(frame)


def test_what_is_reconciled_afterwards_is_a_correction(combined: CombinedForecaster) -> None:
    rows = [3, 4]
    made = issued(combined, rows)
    plain, moved = factors(of(combined, rows), made), factors(of(combined, rows), made * 1.5)
    np.testing.assert_allclose(moved[CORRECTION] - plain[CORRECTION], made * 0.5)
    assert plain.drop(columns=CORRECTION).equals(moved.drop(columns=CORRECTION))


def test_a_promotion_is_seen_as_what_raises_the_forecast(combined: CombinedForecaster) -> None:
    def promo(planned: float) -> float:
        ahead = AHEAD_OF.frame["ds"] > PAST.last
        frame = AHEAD_OF.frame.assign(promo=AHEAD_OF.frame["promo"].where(~ahead, planned))
        found = explained(combined, Panel(frame, "MS", 12, ("region",), ("promo",)), np.array([3]), 4)
        assert found is not None
        return float(factors(found, np.array([100.0]))["plan:promo"].iloc[0])

    assert promo(1.0) > 0 > promo(0.0)


def test_a_member_without_features_is_one_contribution(combined: CombinedForecaster) -> None:
    """Theta's way from the level of the last season to its forecast, as far as it counts."""
    weights = replace(combined._fitted.calibration, weights={"lightgbm": 0.75, "theta": 0.25}, by_segment={})
    both = CombinedForecaster(members, horizon=4).settle(PAST, weights, {})
    frame = factors(of(both, [2]), issued(both, [2]))
    theta = both.fitted_members["theta"].predict(1, {}).mean[2, 0]
    level = recent_level(PAST.wide, 12)[2]
    assert frame[OWN].iloc[0] == pytest.approx(0.25 * (theta - level))


def test_models_without_trees_are_not_taken_apart() -> None:
    naive = ConformalForecaster(SeasonalNaive(), 4).fit(PAST)
    assert explained(naive, AHEAD_OF, np.array([0]), 4) is None


def test_importance_ranks_what_sales_depend_on(combined: CombinedForecaster) -> None:
    found = importance(of(combined, list(range(20))), [1, 4])
    assert list(found.themes.values()) == sorted(found.themes.values(), reverse=True)
    assert found.themes["plan:promo"] > found.themes[PLACE]
    effects = {one["feature"]: one["effect"] for one in found.features}
    assert effects["promo"] > effects.get("region", 0.0)
    weights = combined.series_weights()
    trees = sum(weights[name].mean() for name in weights if name in ("lightgbm", "direct_log", "direct_tweedie"))
    assert found.trees == pytest.approx(trees)
    assert found.rows == 2 * 20 * len(set(combined.weights) - {"theta", "seasonal_naive"})


@pytest.mark.parametrize(
    ("feature", "season", "theme"),
    [
        ("lag1", 12, RECENT), ("lag6", 12, RECENT), ("lag11", 12, SEASON), ("lag24", 12, SEASON), ("lag13", 52, RECENT),
        ("lag52", 52, SEASON), ("lag7", 7, WEEKDAY), ("mean4_of_lag7", 7, WEEKDAY), ("mean3", 12, RECENT),
        ("mean12", 12, LEVEL), ("std12", 12, LEVEL), ("level24", 12, LEVEL), ("last3", 12, RECENT), ("zeros", 12, GAPS),
        ("year1_season", 12, SEASON), ("year2_over12", 12, SEASON), ("cycle2", 7, WEEKDAY),
        ("year1_growth3", 12, GROWTH),
        ("cycle_mean_short", 7, WEEKDAY), ("size", 12, LEVEL), ("month", 12, CALENDAR), ("age", 12, AGE),
        ("step", 12, AHEAD), ("region", 12, PLACE), ("unique_id", 12, PLACE), ("holiday", 52, "plan:holiday"),
        ("days_to_holiday", 7, "plan:holiday"), ("event_over_usual", 52, "plan:event"),
        ("event_after", 7, "plan:event"),
    ],
)  # fmt: skip
def test_features_have_the_theme_that_a_planner_calls_them_by(feature: str, season: int, theme: str) -> None:
    assert theme_of(feature, season, ("holiday", "days_to_holiday", "event")) == theme


def test_every_feature_but_statics_has_a_theme_of_its_own() -> None:
    """A feature that is added and not named here would be shown as what and where is sold."""
    for freq, periods in (("MS", 48), ("W", 160), ("D", 800)):
        panel = seasonal_panel(series=2, periods=periods, freq=freq)
        direct = DirectTable.fit(panel)
        names, _, _ = direct.rows(direct.reader(), direct.y.shape[1] - 2, np.array([1]))
        found = [*FeatureTable.fit(panel).names, *names]
        assert {name for name in found if theme_of(name, panel.season_length, panel.known) == PLACE} == {
            "unique_id",
            "region",
        }


def test_simple_models_rest_on_what_they_repeat() -> None:
    assert [theme_of_model(name, 12) for name in ("seasonal_naive", "naive", "theta")] == [SEASON, RECENT, OWN]
    assert theme_of_model("seasonal_naive", 7) == WEEKDAY
