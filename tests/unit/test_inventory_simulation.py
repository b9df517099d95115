"""Policies played over demand that came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import ConfigurationError
from ml.inventory.policies import MovingAverage
from ml.inventory.simulation import Costs, Levels, Outcome, Terms, cheapest, compare, simulate


def fixed(reorder: float, up_to: float):
    """The same levels for all items at all times."""
    return lambda _day, past: Levels(np.full(len(past), reorder), np.full(len(past), up_to))


def test_each_day_of_a_small_replay() -> None:
    demand = np.array([[4.0, 4.0, 4.0, 4.0, 4.0, 4.0]])
    found = simulate(fixed(10, 10), demand, 0, Terms(review=2, lead=1), np.array([10.0]))
    np.testing.assert_allclose(found.ordered, [[0, 0, 8, 0, 6, 0]])
    np.testing.assert_allclose(found.received, [[0, 0, 0, 8, 0, 6]])
    np.testing.assert_allclose(found.served, [[4, 4, 2, 4, 4, 4]])
    np.testing.assert_allclose(found.left, [[6, 2, 0, 4, 0, 2]])
    assert (found.fill, found.lost, found.orders) == (22 / 24, 2, 2)
    assert found.days_in_stock == 5 / 6
    assert found.value(3.0) == pytest.approx(3 * 14 / 6)
    assert found.cost(Costs(holding=1, shortage=10, order=5)) == 14 + 20 + 10


def test_like_a_naive_loop_over_items() -> None:
    """The replay that the benchmark is judged by, written out for one item at a time."""
    demand = np.random.default_rng(0).poisson([[0.1], [2.0], [30.0]], (3, 300)).astype(float)
    demand[0, :50] = np.nan
    found = simulate(MovingAverage(35), demand, 100)
    for item in range(3):
        stock, coming, held, served = np.ceil(_level(demand[item], 100)), {}, 0.0, 0.0
        for day in range(100, 300):
            stock += coming.pop(day, 0.0)
            if (day - 100) % 28 == 0:
                coming[day + 7] = np.ceil(max(_level(demand[item], day) - stock - sum(coming.values()), 0.0) - 1e-7)
            serve = min(stock, demand[item, day])
            stock, served, held = stock - serve, served + serve, held + stock - serve
        assert found.served[item].sum() == served
        assert found.left[item].sum() == held


def _level(demand: np.ndarray, day: int) -> float:
    return float(np.nan_to_num(demand[day - 28 : day]).mean() * 35 * 1.2)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), review=st.integers(1, 20), items=st.integers(1, 6), days=st.integers(1, 60))
def test_stock_is_conserved_under_random_policies(seed: int, review: int, items: int, days: int) -> None:
    """Stock + receipts − demand served = stock after, never negative; nothing arrives that was not ordered."""
    random = np.random.default_rng(seed)

    def policy(day: int, past: np.ndarray) -> Levels:
        reorder = random.uniform(-5, 40, items)
        return Levels(reorder, reorder + random.uniform(0, 30, items))

    lead = random.integers(0, 12, (items, 5))
    terms = Terms(review, lead, random.integers(1, 13, items).astype(float), random.uniform(0, 20, items))
    demand = np.where(random.random((items, days)) < 0.1, np.nan, random.gamma(0.5, 8.0, (items, days)))
    found = simulate(policy, demand, 0, terms, random.uniform(-3, 30, items))
    before = np.concatenate([found.opening[:, None], found.left[:, :-1]], axis=1)
    np.testing.assert_allclose(before + found.received - found.served, found.left, atol=1e-9)
    assert (found.left >= 0).all()
    assert (found.served >= 0).all()
    assert (found.served <= found.wanted).all()
    assert ((found.served == found.wanted) | (found.left == 0)).all(), "nothing is withheld"
    assert (np.cumsum(found.received, axis=1) <= np.cumsum(found.ordered, axis=1) + 1e-9).all()


def test_a_policy_sees_only_the_days_before_its_review() -> None:
    seen = []

    def policy(day: int, past: np.ndarray) -> Levels:
        seen.append((day, past.shape[1]))
        return Levels.review(np.ones(1))

    simulate(policy, np.ones((1, 30)), 10, Terms(review=7))
    assert seen == [(10, 10), (10, 10), (17, 17), (24, 24)]


def test_lead_times_may_differ_by_item_and_review() -> None:
    terms = Terms(review=2, lead=np.array([[0, 3], [1, 1]]))
    found = simulate(fixed(5, 5), np.ones((2, 8)), 0, terms, np.zeros(2))
    assert found.received[0, 0] == 5
    assert found.received[1, 1] == 5
    assert found.received[0].nonzero()[0].tolist() == [0, 4, 5]


def test_policies_are_compared_and_the_cheapest_chosen() -> None:
    demand = np.full((2, 100), 3.0)
    found = compare({"low": fixed(30, 30), "high": fixed(200, 200)}, demand, 10)
    assert found["low"].fill < found["high"].fill == 1
    assert found["low"].stock < found["high"].stock
    assert cheapest(found, Costs(holding=1, shortage=1000), "low") == "high"
    assert cheapest(found, Costs(holding=1, shortage=1), "low") == "low"
    assert cheapest({"a": found["low"], "b": found["low"]}, Costs(1, 1), floor="b") == "b"


def test_nothing_wanted_is_served_wholly() -> None:
    found = simulate(fixed(0, 0), np.zeros((2, 5)), 0)
    assert isinstance(found, Outcome)
    assert (found.fill, found.item_fill, found.orders) == (1, 1, 0)


@pytest.mark.parametrize("terms", [{"review": 0}, {"lead": -1}])
def test_impossible_terms_are_named(terms: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="review period"):
        Terms(**terms)
