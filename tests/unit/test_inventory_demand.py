"""Demand over several days from forecasts of single ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml.errors import DataError
from ml.inventory.demand import BAND, Demand, Sums, error_correlation, gamma_quantile, gamma_shortage


def flat(mean: float, sd: float, days: int, correlation: float = 0.0) -> Demand:
    """One item, all days alike."""
    half = np.full((1, days), sd * BAND / 2)
    expected = np.full((1, days), mean)
    return Demand.from_quantiles(expected, expected - half, expected + half, correlation)


def test_independent_days_add_their_variances() -> None:
    sums = flat(100, 20, 35).sums()
    assert sums.mean[0, -1] == pytest.approx(3500)
    assert sums.sd[0, -1] == pytest.approx(20 * np.sqrt(35))


def test_errors_that_go_together_add_up() -> None:
    assert flat(100, 20, 35, 1.0).sums().sd[0, -1] == pytest.approx(20 * 35)
    assert 20 * np.sqrt(35) < flat(100, 20, 35, 0.1).sums().sd[0, -1] < 20 * 35


def test_the_measured_correlation_is_that_of_the_errors() -> None:
    random = np.random.default_rng(0)
    common, own = random.normal(size=(20_000, 1)), random.normal(size=(20_000, 10))
    assert error_correlation(np.sqrt(0.3) * common + np.sqrt(0.7) * own) == pytest.approx(0.3, abs=0.02)


def test_a_slow_item_varies_at_least_by_chance() -> None:
    """A tenth of a unit a day: P10 and P90 are 0, and yet 35 days are anything from 0 to 7."""
    zero = np.zeros((1, 35))
    sums = Demand.from_quantiles(zero + 0.1, zero, zero, 0.0).sums()
    assert sums.sd[0, -1] == pytest.approx(np.sqrt(3.5))


def test_weeks_keep_their_spread_when_split_into_days() -> None:
    week = np.array([[70.0, 140.0]])
    split = Demand.from_periods(week, week - 30 * BAND / 2, week + 30 * BAND / 2, correlation=0.2)
    assert split.days == 14
    np.testing.assert_allclose(split.mean[0], [10.0] * 7 + [20.0] * 7)
    assert split.sums().sd[0, 6] == pytest.approx(30)


def test_beyond_the_forecast_its_last_week_repeats() -> None:
    demand = Demand(np.arange(10.0)[None, :], np.ones((1, 10)))
    np.testing.assert_allclose(demand.until(14).mean[0, 10:], [3, 4, 5, 6])
    assert demand.until(5).days == 5


def test_job_orders_come_on_top() -> None:
    added = flat(10, 5, 3).with_known(np.array([[0.0, 50.0, 0.0]]))
    np.testing.assert_allclose(added.mean[0], [10, 60, 10])


def test_job_orders_come_once() -> None:
    """In the week that repeats, and beyond the forecast."""
    jobs = np.zeros((1, 17))
    jobs[0, [8, 16]] = 50, 20
    added = flat(10, 5, 10).with_known(jobs)
    np.testing.assert_allclose(added.until(20).mean, flat(10, 5, 20).with_known(jobs).mean)
    np.testing.assert_allclose(added.until(5).until(20).mean, added.until(20).mean)
    assert added.until(20).mean.sum() == 270
    assert added.only(np.array([0])).total[0] == 170
    np.testing.assert_allclose(added.sd[0], 5)


def test_totals_over_the_lead_time_of_each_item() -> None:
    """Chopra & Meindl 12-6: 2,500 ± 500 a day over 7 ± 7 days."""
    sums = Sums(*(np.repeat(part, 3, axis=0) for part in vars(flat(2500, 500, 10).sums()).values()))
    found = sums.over(np.array([7.0, 0.0, 2.5]), np.array([7.0, 0.0, 0.0]))
    np.testing.assert_allclose(found.mean, [17_500, 0, 6250])
    assert found.sd[0] == pytest.approx(17_550, abs=1)
    assert found.sd[1] == 0


@pytest.mark.parametrize("shape", [0.5, 1.0, 4.0, 50.0])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_gamma_quantiles_beside_the_exact_ones(shape: float, share: float) -> None:
    exact = stats.gamma(shape, scale=1 / shape).ppf(share)
    found = gamma_quantile(np.array([1.0]), np.array([1 / np.sqrt(shape)]), share)[0]
    assert found == pytest.approx(exact, rel=0.03, abs=0.02)


def test_gamma_shortage_beside_an_integral() -> None:
    demand = stats.gamma(2.0, scale=15.0)
    drawn = demand.ppf((np.arange(200_000) + 0.5) / 200_000)
    found = gamma_shortage(np.array([40.0]), np.array([30.0]), np.array([15 * np.sqrt(2)]))[0]
    assert found == pytest.approx(np.maximum(drawn - 40, 0).mean(), rel=1e-3)
    assert gamma_shortage(np.array([3.0]), np.array([5.0]), np.array([0.0]))[0] == 2
    assert gamma_shortage(np.array([3.0]), np.array([0.0]), np.array([0.0]))[0] == 0


def test_the_level_for_a_fill_rate_serves_it() -> None:
    sums = Sums(np.array([100.0, 0.0]), np.array([40.0, 0.0]))
    level = sums.level_for_fill(0.98, np.array([80.0, 0.0]))
    assert sums.shortage(level)[0] == pytest.approx(0.02 * 80, rel=1e-3)
    assert level[1] == 0


def test_shapes_must_agree() -> None:
    with pytest.raises(DataError, match="expected one shape"):
        Demand.from_quantiles(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 3)))
