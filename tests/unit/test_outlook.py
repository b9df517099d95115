"""The plain answer: what comes next, how sure that is, and when a downturn is warned of."""

from __future__ import annotations

import pytest

from ml.errors import DataError
from ml.outlook import Expected, HoldOut, judge_downturn, probability_below, simple_outlook

YEAR = [100.0, 90, 110, 120, 130, 120, 110, 100, 95, 105, 150, 300]


def around(mean: float, spread: float = 0.1) -> Expected:
    return Expected(mean, tuple(mean * (1 + spread * place) for place in (-2, -1.3, -0.7, 0, 0.7, 1.3, 2)))


def test_the_next_period_is_told_with_its_band_growth_and_accuracy() -> None:
    found = simple_outlook(YEAR, [around(150.0)], 12, "month", hold_out=HoldOut(20.0, 100.0, "backtest"))
    assert (found.expected, found.last, found.growth) == (150.0, 300.0, -0.5)
    assert (found.low, found.high, found.confidence) == pytest.approx((130.5, 169.5, 80))
    assert (found.accuracy, found.accuracy_source) == (80.0, "backtest")
    wide = simple_outlook(YEAR, [around(150.0)], 12, "month", confidence=95)
    assert (wide.low, wide.high, wide.accuracy, wide.accuracy_source) == (120.0, 180.0, None, "")


@pytest.mark.parametrize(("mae", "mean", "accuracy"), [(0, 10, 100), (25, 100, 75), (300, 100, 0), (1, 0, None)])
def test_accuracy_is_what_its_formula_says(mae: float, mean: float, accuracy: float | None) -> None:
    assert HoldOut(mae, mean, "").accuracy == accuracy


def test_a_fall_after_the_high_season_is_no_downturn() -> None:
    found = judge_downturn(YEAR, [around(value) for value in (105.0, 95, 115)], 12, "month")
    assert found is not None
    assert not found.likely
    assert found.season_before
    assert found.reference == 100.0
    assert found.message == ""


def test_less_than_a_season_before_is_a_downturn_where_it_is_likely() -> None:
    falling = [around(value) for value in (80.0, 72, 88)]
    found = judge_downturn(YEAR, falling, 12, "month")
    assert found is not None
    assert found.likely
    assert found.change == pytest.approx(-0.2)
    assert "next 3 months 20% less is expected than the same months a season before" in found.message
    unsure = judge_downturn(YEAR, [around(value, spread=0.6) for value in (80.0, 72, 88)], 12, "month")
    assert unsure is not None
    assert not unsure.likely


def test_one_low_period_is_no_downturn() -> None:
    found = judge_downturn(YEAR, [around(value) for value in (80.0, 100, 130)], 12, "month")
    assert found is not None
    assert not found.likely


def test_short_histories_are_compared_with_their_last_periods() -> None:
    found = judge_downturn([100.0, 110, 120, 100], [around(60.0), around(50.0)], 12, "month")
    assert found is not None
    assert (found.likely, found.season_before, found.reference) == (True, False, 110.0)
    assert "the mean of the last months" in found.message


@pytest.mark.parametrize("history", [[], [0.0, 0.0, 0.0], [0.0] * 30])
def test_without_sales_there_is_nothing_to_compare_with(history: list[float]) -> None:
    found = simple_outlook(history, [around(5.0)], 12, "month")
    assert found.downturn is None
    assert found.growth is None


def test_probabilities_follow_the_quantiles() -> None:
    expected = around(100.0)
    shares = [probability_below(expected, value) for value in (0, 80, 87, 100, 107, 120, 500)]
    assert shares == pytest.approx([0.025, 0.025, 0.1, 0.5, 0.75, 0.975, 0.975])
    assert probability_below(Expected(0.0, (0.0,) * 7), 0.0) == 0.025


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(DataError, match="no forecast"):
        simple_outlook(YEAR, [], 12, "month")
    with pytest.raises(DataError, match="confidence is 90"):
        simple_outlook(YEAR, [around(1.0)], 12, "month", confidence=90)
