"""Policies by name, replayed on one ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.errors import ConfigurationError, DataError
from ml.inventory import families
from ml.inventory.families import SimulationSettings
from ml.inventory.policies import RulesPolicy
from ml.inventory.replay import Ground, described, draw_leads, family_of
from ml.inventory.rules import Rules
from ml.inventory.simulation import Costs, Terms, simulate
from ml.inventory.stock import Stock
from ml.models import NAMES
from ml.panel import Panel

DAYS, WEEKS = 28, 20


@pytest.fixture
def ground() -> Ground:
    """Two items that sell 2 and 20 units a day, the last four weeks replayed."""
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=7 * WEEKS)
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days, "y": random.poisson(mean, len(days))})
        for name, mean in (("a", 2), ("b", 20))
    )
    costs = Costs(np.array([0.01, 0.02]), np.array([1.0, 2.0]), 3.0)
    panel = Panel.from_frame(frame, "D", 7)
    return Ground(panel, DAYS, Terms(7, np.array([[3], [1]])), np.array([3.0, 1.0]), costs, np.array([5.0, 10.0]))


def test_each_item_lasts_for_its_own_lead_time(ground: Ground) -> None:
    np.testing.assert_allclose(ground.cover, [10, 8])
    past = np.full((2, 30), 2.0)
    np.testing.assert_allclose(family_of("average", ground)(1.5)(0, past).up_to, [2 * 10 * 1.5, 2 * 8 * 1.5])
    levels = family_of("moving_average", ground)(0.5)(ground.start, past).up_to
    assert 15 < levels[0] < 25
    assert 140 < levels[1] < 180


def test_more_safety_serves_more_for_more_stock_with_the_same_forecasts(ground: Ground) -> None:
    made = family_of("seasonal_naive", ground)
    little, much = (
        dict(described(simulate(made(share), ground.panel.wide.y, ground.start, ground.terms), ground))
        for share in (0.5, 0.99)
    )
    assert little["fill"] < much["fill"]
    assert little["stock_value"] < much["stock_value"]
    assert little["lost_value"] > much["lost_value"]


def test_models_learn_anew_once_a_quarter_however_often_orders_are_placed(ground: Ground) -> None:
    found = [
        replace(ground, terms=Terms(review, ground.terms.lead)).forecasts("ridge").every for review in (7, 28, 91, 182)
    ]
    assert found == [13, 3, 1, 1]


def test_figures_at_cost(ground: Ground) -> None:
    outcome = simulate(family_of("average", ground)(1.0), ground.panel.wide.y, ground.start, ground.terms)
    found = dict(described(outcome, ground))
    assert found["stock_value"] == pytest.approx((outcome.left.mean(axis=1) * [5, 10]).sum(), abs=0.01)
    short = (outcome.wanted - outcome.served).sum(axis=1)
    held = outcome.left.sum(axis=1)
    assert found["cost"] == pytest.approx((held * [0.01, 0.02] + short * [1, 2]).sum() + 3 * outcome.orders, abs=0.01)


def test_rules_are_replayed_as_the_plan_keeps_them(ground: Ground) -> None:
    stock = Stock.of(["a", "b"], np.zeros(2), lead=np.array([3.0, 1.0]), lead_spread=np.zeros(2))
    rules = [Rules("simple", safety_factor=2.0), Rules("min_max", least=7.0, most=70.0)]
    forecasts = ground.forecasts("moving_average")
    levels = RulesPolicy(forecasts, rules, np.array([0, 1]), stock, 7)(ground.start, ground.panel.wide.y)
    expected = forecasts.at(ground.start).mean[0, 9]
    np.testing.assert_allclose(levels.up_to, [2 * expected, 70.0])
    np.testing.assert_allclose(levels.reorder, [2 * expected, 7.0])


def test_nothing_after_a_review_is_seen(ground: Ground) -> None:
    """With other sales from the second review on, the first two reviews order the same."""
    other = ground.panel.frame.copy()
    late = other["ds"] >= ground.panel.periods[ground.start + 7]
    other.loc[late, "y"] *= 50
    changed = Ground(Panel.from_frame(other, "D", 7), DAYS, ground.terms, ground.lead, ground.costs)
    for name in ("seasonal_naive", "learned", "average"):
        orders = []
        for each in (ground, changed):
            policy, y = family_of(name, each)(0.9), each.panel.wide.y
            orders.append([policy(day, y[:, :day]).up_to for day in (each.start, each.start + 7)])
        np.testing.assert_array_equal(orders[0], orders[1])


def test_lead_times_vary_as_they_were_measured_and_are_the_same_each_time() -> None:
    drawn = draw_leads(np.array([5.0, 1.0]), np.array([2.0, 0.0]), 2_000)
    assert drawn.shape == (2, 2_000)
    assert drawn.min() >= 0
    assert drawn[0].mean() == pytest.approx(5, abs=0.2)
    assert drawn[0].std() == pytest.approx(2, abs=0.2)
    assert set(drawn[1]) == {1}
    np.testing.assert_array_equal(drawn, draw_leads(np.array([5.0, 1.0]), np.array([2.0, 0.0]), 2_000))


def test_what_cannot_be_replayed_is_named(ground: Ground) -> None:
    with pytest.raises(DataError, match="more than 200 days"):
        Ground(ground.panel, 200, ground.terms, 7.0, ground.costs)
    with pytest.raises(ConfigurationError, match="'magic'"):
        family_of("magic", ground)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"days": 5}, "days is 5"),
        ({"items": 0}, "items is 0"),
        ({"order_cost": -1.0}, "order_cost"),
        ({"policies": ("magic",)}, "'magic'"),
        ({"policies": ()}, "no policy"),
    ],
)
def test_settings_that_cannot_be_are_named(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        SimulationSettings(**given)  # type: ignore[arg-type]


def test_pages_offer_models_that_there_are() -> None:
    assert set(families.MODELS) <= set(NAMES)
    assert families.label("average", 1.2) == "average × 1.2"
    assert families.label("learned", 0.95) == "learned 95 %"
