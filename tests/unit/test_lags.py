"""Lags and windows, fast against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.features.lags import LagSpec, lag_features
from ml.features.plan import plan_features

SPEC = LagSpec(lags=(1, 2, 7), means=(3, 6), deviations=(4,), seasonal_means=((5, 2),))


def naive_features(past: list[float]) -> list[float]:
    """What SPEC says about the period after `past`, one value at a time."""

    def ago(lag: int) -> float:
        return past[-lag] if lag <= len(past) else np.nan

    def window(size: int) -> list[float]:
        return [value for value in past[-size:] if not np.isnan(value)]

    def mean(values: list[float]) -> float:
        return float(np.mean(values)) if values else np.nan

    seasonal = [value for value in (ago(5), ago(10)) if not np.isnan(value)]
    deviation = float(np.std(window(4))) if window(4) else np.nan
    return [ago(1), ago(2), ago(7), mean(window(3)), mean(window(6)), deviation, mean(seasonal)]


def ragged(series: int, periods: int) -> NDArray[np.float64]:
    random = np.random.default_rng(1)
    y = random.gamma(2, 50, (series, periods))
    for i in range(series):
        y[i, : random.integers(0, periods)] = np.nan
    return y


@pytest.mark.parametrize("count", [1, 5, 21])
def test_vectorised_features_equal_the_naive_loop(count: int) -> None:
    y = ragged(series=8, periods=20)
    fast = np.stack(lag_features(y, SPEC, count), axis=-1)
    for series in range(len(y)):
        for column in range(count):
            known = 20 - (count - 1) + column
            expected = naive_features(list(y[series, :known]))
            np.testing.assert_allclose(fast[series, column], expected, rtol=1e-6, atol=1e-6)


def test_the_last_column_sees_no_more_than_its_reach() -> None:
    y = ragged(series=5, periods=30)
    whole, tail = lag_features(y, SPEC, 1), lag_features(y[:, -SPEC.reach :], SPEC, 1)
    for one, other in zip(whole, tail, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_names_match_the_features() -> None:
    assert len(SPEC.names) == len(lag_features(ragged(2, 9), SPEC, 1))
    assert SPEC.names[0] == "lag1"
    assert SPEC.names[-1] == "mean2_of_lag5"


@pytest.mark.parametrize(("freq", "season"), [("D", 7), ("W", 52), ("MS", 12), ("MS", 1), ("MS", 4)])
@pytest.mark.parametrize("periods", [1, 2, 3, 12, 36, 400])
def test_a_plan_never_reaches_beyond_two_thirds_of_the_panel(freq: str, season: int, periods: int) -> None:
    plan = plan_features(freq, season, periods)
    assert 1 <= plan.reach <= max(1, periods * 2 // 3)
    assert 1 in plan.lags.lags


def test_long_panels_get_the_season() -> None:
    assert {1, 12, 24} <= set(plan_features("MS", 12, 60).lags.lags)
    assert {1, 7, 28} <= set(plan_features("D", 7, 400).lags.lags)
    assert 52 in plan_features("W", 52, 156).lags.lags
