"""Formulas of stock policies against published examples."""

from __future__ import annotations

import numpy as np
import pytest

from ml.errors import ConfigurationError
from ml.inventory import policy


def test_newsvendor() -> None:
    """Snyder & Shen: h = 2, p = 18, N(120, 10); and their Example 4.3 of newspapers."""
    level = policy.newsvendor(2, 18, 120, 10)
    assert level == pytest.approx(132.8155, abs=5e-5)
    assert policy.newsvendor_cost(level, 2, 18, 120, 10) == pytest.approx(35.0997, abs=5e-5)
    papers = policy.newsvendor(0.18, 0.70, 50, 8)
    assert papers == pytest.approx(56.6040, abs=5e-5)
    assert policy.newsvendor_cost(papers, 0.18, 0.70, 50, 8) == pytest.approx(1.9976, abs=5e-5)


def test_no_other_newsvendor_level_costs_less() -> None:
    levels = np.linspace(100, 160, 601)
    costs = policy.newsvendor_cost(levels, 2, 18, 120, 10)
    assert levels[costs.argmin()] == pytest.approx(132.8155, abs=0.1)


def test_economic_order_quantity() -> None:
    """Snyder & Shen, Example 3.1."""
    quantity = policy.eoq(8, 0.225, 1300)
    assert quantity == pytest.approx(304.0468, abs=5e-5)
    assert policy.eoq_cost(quantity, 8, 0.225, 1300) == pytest.approx(68.4105, abs=5e-5)


def test_cycle_service_of_a_reorder_point() -> None:
    """Chopra & Meindl, 12-1 to 12-3: 2,500 ± 500 a week, two weeks, orders of 10,000 at 6,000."""
    sd = policy.lead_time_sd(500, 2500, 2)
    assert sd == pytest.approx(707, abs=0.5)
    short = policy.expected_shortage(6000, 5000, sd)
    assert short == pytest.approx(25, abs=0.5)
    assert 1 - short / 10_000 == pytest.approx(0.9975, abs=1e-4)
    assert policy.reorder_point(5000, policy.service_factor(0.9213) * sd) == pytest.approx(6000, abs=2)


def test_safety_stock_for_a_fill_rate() -> None:
    """Chopra & Meindl, 12-5: 97.5 % of units takes 67."""
    sd = policy.lead_time_sd(500, 2500, 2)
    factor = policy.fill_factor(0.975, 10_000, sd)
    assert factor * sd == pytest.approx(67, abs=0.5)
    assert policy.expected_shortage(5000 + factor * sd, 5000, sd) == pytest.approx(250, abs=0.01)
    assert policy.fill_factor(0.975, 10_000, 0.0) == 0


def test_variable_lead_times() -> None:
    """Chopra & Meindl, 12-6: 2,500 ± 500 a day over 7 ± 7 days at 90 %."""
    sd = policy.lead_time_sd(500, 2500, 7, 7)
    assert sd == pytest.approx(17_550, abs=1)
    assert policy.service_factor(0.9) * sd == pytest.approx(22_491, abs=2)


def test_periodic_review() -> None:
    """Chopra & Meindl, 12-15: four weeks between reviews, two weeks of lead time, 90 %."""
    safety = policy.service_factor(0.9) * policy.lead_time_sd(500, 2500, 6)
    assert safety == pytest.approx(1570, abs=1)
    assert policy.order_up_to(15_000, safety) == pytest.approx(16_570, abs=1)


def test_the_simple_mode_takes_a_factor() -> None:
    np.testing.assert_allclose(policy.simple_level(np.array([100.0, 0.0])), [120, 0])
    assert policy.simple_level(100, 1.5) == 150


@pytest.mark.parametrize(
    ("position", "pack", "minimum", "expected"),
    [
        (31, 1, 0, 0),  # above the reorder point
        (30, 1, 0, 70),  # at it
        (30, 12, 0, 72),
        (30, 12, 75, 84),
        (28, 12, 0, 72),  # six packs exactly
        (100, 1, 500, 0),
    ],
)
def test_order_quantity(position: float, pack: float, minimum: float, expected: float) -> None:
    assert policy.order_quantity(position, 30, 100, pack, minimum) == expected


def test_a_periodic_review_orders_nothing_at_its_level() -> None:
    assert policy.order_quantity(100, 100, 100, minimum=50) == 0
    assert policy.order_quantity(99, 100, 100, minimum=50) == 50


def test_perishable_goods_are_capped_in_whole_packs() -> None:
    capped = policy.shelf_life_cap(np.array([60.0, 60.0, 60.0]), 10.0, np.array([45.0, 5.0, 500.0]), 12.0)
    np.testing.assert_allclose(capped, [24, 0, 60])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: policy.service_factor(1.0), "the service level is 1.0; expected between 0 and 1"),
        (lambda: policy.fill_factor(95, 10, 1), "the fill rate is 95"),
        (lambda: policy.eoq(8, 0, 100), "the holding cost is 0"),
        (lambda: policy.critical_ratio(0, 0), "the sum of overage and underage cost"),
        (lambda: policy.whole_packs(5, 0), "the pack size is 0"),
    ],
)
def test_impossible_arguments_are_named(call, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        call()
