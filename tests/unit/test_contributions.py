"""Factors multiply up to the forecast, units add up to it, and what the panel's sales depend on leads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from panels import panel_of, seasonal_panel

from ml.errors import DataError
from ml.explain.contributions import Explanation, explain_forecasts
from ml.explain.themes import CORRECTION, OTHERS
from ml.models.boosting import LightGBM
from ml.models.direct import DirectLightGBM
from ml.models.recursive import FittedRecursive
from ml.models.xgboosting import XGBoost

STEPS = 4


@pytest.fixture(scope="module")
def fitted() -> FittedRecursive:
    return LightGBM(rounds=60).fit(seasonal_panel(series=20, periods=48))


def plans(promo: float = 0.0) -> dict[str, np.ndarray]:
    return {"promo": np.full((20, STEPS), promo)}


def check(found: Explanation) -> None:
    factors = math.prod(one.factor for one in found.contributions)
    assert found.base * factors == pytest.approx(found.forecast, rel=1e-9)
    assert found.base + sum(one.units for one in found.contributions) == pytest.approx(found.forecast, rel=1e-9)


@pytest.mark.parametrize("step", [1, 2, STEPS])
def test_contributions_make_up_the_forecast(fitted: FittedRecursive, step: int) -> None:
    mean = fitted.predict(STEPS, plans()).mean
    rows = (0, 7, 19)
    found = explain_forecasts(fitted, step, rows, plans())
    assert [one.forecast for one in found] == pytest.approx(mean[list(rows), step - 1], rel=1e-6)
    for one in found:
        check(one)
        assert CORRECTION not in {part.feature for part in one.contributions}
        assert {part.feature for part in one.contributions} == set(fitted.features)


@pytest.mark.parametrize("step", [1, 3, STEPS])
@pytest.mark.parametrize("model", [DirectLightGBM("log", 2, rounds=40), DirectLightGBM("tweedie", 2, rounds=40)])
def test_direct_forecasts_are_taken_apart_on_their_logarithmic_scale(model: DirectLightGBM, step: int) -> None:
    """Also those of steps that start from the forecasts of the learned ones."""
    direct = model.fit(seasonal_panel(series=20, periods=48))
    mean, rows = direct.predict(STEPS, plans(1.0)).mean, (0, 7, 19)
    found = explain_forecasts(direct, step, rows, plans(1.0))
    assert [one.forecast for one in found] == pytest.approx(mean[list(rows), step - 1], rel=1e-6)
    for one in found:
        check(one)
        assert {part.feature for part in one.contributions} == set(direct.features)


def test_other_trees_are_taken_apart_alike() -> None:
    other = XGBoost(rounds=20).fit(seasonal_panel(series=20, periods=48))
    one = explain_forecasts(other, 1, [3], plans(1.0))[0]
    check(one)
    assert one.forecast == pytest.approx(other.predict(1, plans(1.0)).mean[3, 0], rel=1e-4)


def test_names_are_given_as_names(fitted: FittedRecursive) -> None:
    values = {one.feature: one.value for one in explain_forecasts(fitted, 1, [6], plans(1.0))[0].contributions}
    assert values["region"] == "r2"
    assert values["unique_id"] == "s06"
    assert values["promo"] == 1.0


def test_a_promotion_is_seen_as_what_raises_the_forecast(fitted: FittedRecursive) -> None:
    def promo(planned: float) -> float:
        found = explain_forecasts(fitted, 1, [3], plans(planned))[0]
        return next(one.factor for one in found.contributions if one.feature == "promo")

    assert promo(1.0) > 1.05
    assert promo(0.0) < 1.0


@pytest.mark.parametrize("share", [1.3, 0.0])
def test_what_followed_the_trees_is_a_contribution_of_its_own(fitted: FittedRecursive, share: float) -> None:
    plain = explain_forecasts(fitted, 1, [3], plans())[0]
    issued = explain_forecasts(fitted, 1, [3], plans(), [plain.forecast * share])[0]
    check(issued)
    correction = next(one for one in issued.contributions if one.feature == CORRECTION)
    assert correction.factor == pytest.approx(share)


def test_small_contributions_can_be_put_together(fitted: FittedRecursive) -> None:
    found = explain_forecasts(fitted, 1, [3], plans())[0]
    short = found.largest(3)
    check(short)
    assert [one.feature for one in short.contributions[:3]] == [one.feature for one in found.contributions[:3]]
    assert short.contributions[3].feature == OTHERS
    assert found.largest(100) is found


def test_series_that_the_trees_leave_alone_are_refused() -> None:
    quiet = panel_of({"busy": [10.0 + i % 12 for i in range(120)], "quiet": [0.0] * 120})
    with pytest.raises(DataError, match="not forecast by trees"):
        explain_forecasts(LightGBM(rounds=5).fit(quiet), 1, [1])
    with pytest.raises(DataError, match="not forecast by trees"):
        explain_forecasts(LightGBM().fit(panel_of({"short": [1.0, 2.0, 3.0]})), 1, [0])


def test_a_step_before_the_next_one_is_refused(fitted: FittedRecursive) -> None:
    with pytest.raises(DataError, match="step is 0"):
        explain_forecasts(fitted, 0, [0], plans())
