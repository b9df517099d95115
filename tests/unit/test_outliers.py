"""Outliers: planted ones are found, seasons and trends are none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.etl.cleaning.outliers import judge, median, moving_median, seasonal_index

Floats = NDArray[np.float64]
THRESHOLD = 3.5


def made_sales(series: int, periods: int, noise: float = 0.1, seed: int = 0) -> Floats:
    """Series of many sizes with trends and a strong season: December sells four times what a quiet month does."""
    random = np.random.default_rng(seed)
    time = np.arange(periods)
    season = 1 + 0.3 * np.sin(2 * np.pi * time / 12) + 2.0 * (time % 12 == 11)
    level = 10 ** random.uniform(1, 4, (series, 1)) * (1 + random.uniform(-0.008, 0.02, (series, 1)) * time)
    return np.asarray(level * season * random.lognormal(0, noise, (series, periods)))


def found(y: Floats, season: int = 12) -> NDArray[np.bool_]:
    return np.abs(judge(y, season).score) > THRESHOLD


@pytest.mark.parametrize("periods", [24, 36, 60])
def test_seasonal_sales_without_mistakes_are_hardly_ever_flagged(periods: int) -> None:
    assert found(made_sales(500, periods)).mean() < 0.003


def test_a_season_that_repeats_exactly_has_no_outlier() -> None:
    assert not found(made_sales(200, 48, noise=0.0)).any()


@pytest.mark.parametrize("factor", [5.0, 0.05])
def test_planted_outliers_are_found_and_little_else(factor: float) -> None:
    y = made_sales(500, 36)
    random = np.random.default_rng(1)
    planted = random.random(y.shape) < 0.01
    y[planted] *= factor
    flagged = found(y)
    recall = (flagged & planted).sum() / planted.sum()
    precision = (flagged & planted).sum() / flagged.sum()
    assert recall > (0.9 if factor > 1 else 0.6)
    assert precision > 0.75


def test_what_is_usual_is_near_what_would_have_been_sold() -> None:
    clean = made_sales(300, 48, noise=0.05)
    y = clean.copy()
    y[:, 30] *= 6
    assert np.median(np.abs(judge(y, 12).usual[:, 30] / clean[:, 30] - 1)) < 0.12


def test_without_a_second_season_the_moving_window_decides_alone() -> None:
    y = made_sales(1, 10, noise=0.02)
    y[0, 5] *= 8
    judged = judge(y, 12)
    assert not judged.seasonal.any()
    assert np.abs(judged.score[0]).argmax() == 5
    assert judged.score[0, 5] > THRESHOLD


def test_what_hardly_ever_sells_and_what_is_unknown_is_not_judged() -> None:
    rare = np.zeros((1, 36))
    rare[0, [5, 20]] = 100
    unknown = made_sales(1, 36)
    unknown[0, [3, 4, 30]] = np.nan
    judged = judge(np.concatenate([rare, unknown]), 12)
    assert not judged.score[0].any()
    assert not judged.score[1, [3, 4, 30]].any()


def test_a_lasting_change_of_level_is_no_outlier() -> None:
    y = made_sales(50, 48, noise=0.02)
    y[:, 24:] *= 3
    assert found(y).mean() < 0.01


def test_the_score_is_that_of_iglewicz_and_hoaglin() -> None:
    values = np.array([[2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2]])
    middle, spread = moving_median(values, 8)
    expected = (values - np.median(values)) * 0.6745 / np.median(np.abs(values - np.median(values)))
    assert (values - middle) / (spread * 1.4826) == pytest.approx(expected, rel=1e-4)


def test_moving_medians_equal_a_naive_loop() -> None:
    random = np.random.default_rng(3)
    y = random.random((7, 40))
    y[random.random(y.shape) < 0.1] = np.nan
    y[:, 0] = 1.0
    middle, spread = moving_median(y, 6)
    for row in range(len(y)):
        for column in range(40):
            centre = min(max(column, 6), 33)
            window = y[row, centre - 6 : centre + 7]
            usual = np.nanmedian(window)
            assert middle[row, column] == pytest.approx(usual)
            assert spread[row, column] == pytest.approx(np.nanmedian(np.abs(window - usual)))


def test_the_seasonal_index_leaves_the_period_itself_out() -> None:
    ratio = np.array([[1.0, 2.0, 3.0, 1.2, 9.0, 3.3]])
    assert seasonal_index(ratio, 3) == pytest.approx(np.array([[1.2, 9.0, 3.3, 1.0, 2.0, 3.0]]))


def test_medians_ignore_what_is_unknown() -> None:
    values = np.array([[3.0, np.nan, 1.0], [np.nan, np.nan, np.nan], [4.0, 2.0, 9.0]])
    assert median(values) == pytest.approx([2.0, np.nan, 4.0], nan_ok=True)
