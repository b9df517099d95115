"""Fair shares of what there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import DataError
from ml.inventory.allocation import Places, allocate, fair_share


def test_all_get_what_they_need_where_there_is_enough() -> None:
    np.testing.assert_allclose(fair_share(100, np.array([30.0, 50.0, -5.0]), np.ones(3)), [30, 50, 0])


def test_a_shortage_is_shared_by_risk() -> None:
    """40 of 100 are missing: by spreads of 1 and 3, 10 and 30 of them."""
    np.testing.assert_allclose(fair_share(60, np.array([50.0, 50.0]), np.array([1.0, 3.0])), [40, 20])


def test_nobody_gets_less_than_nothing() -> None:
    np.testing.assert_allclose(fair_share(20, np.array([30.0, 10.0]), np.array([1.0, 9.0])), [20, 0])


def test_without_weights_in_proportion_to_need() -> None:
    np.testing.assert_allclose(fair_share(10, np.array([30.0, 10.0]), np.zeros(2), whole=False), [7.5, 2.5])
    np.testing.assert_allclose(fair_share(10, np.array([30.0, 10.0]), np.zeros(2)), [8, 2])


def test_what_is_certain_comes_first() -> None:
    np.testing.assert_allclose(fair_share(50, np.array([40.0, 40.0]), np.array([0.0, 1.0])), [40, 10])


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), places=st.integers(1, 8), whole=st.booleans())
def test_shares_use_up_the_supply_and_no_more(seed: int, places: int, whole: bool) -> None:
    random = np.random.default_rng(seed)
    need = np.floor(random.uniform(-10, 100, places))
    supply = float(random.integers(0, 300))
    shares = fair_share(supply, need, np.where(random.random(places) < 0.2, 0.0, random.uniform(0, 9, places)), whole)
    wanted = np.maximum(need, 0.0)
    assert (shares >= 0).all()
    assert (shares <= wanted + 1e-6).all()
    assert shares.sum() == pytest.approx(min(supply, wanted.sum()), abs=1e-6)


def test_a_hierarchy_is_supplied_from_the_top() -> None:
    """A warehouse of 100 keeps nothing; two regions (one with 20 of its own), two areas each."""
    parent = np.array([-1, 0, 0, 1, 1, 2, 2])
    stock = np.array([100.0, 20.0, 0, 0, 0, 0, 0])
    need = np.array([0.0, 0, 0, 60, 20, 50, 10])
    given_ = allocate(Places(parent, stock, need, np.array([0.0, 0, 0, 4, 3, 5, 0])))
    assert given_[0] == 0
    assert given_[1] + given_[2] == 100
    assert given_[3] + given_[4] == given_[1] + 20
    assert given_[5] + given_[6] == given_[2]
    assert (60 + 20 - 20 - given_[1], 60 - given_[2]) == (10, 10), "risks of √(4² + 3²) and 5 are alike"


def test_enough_for_all_leaves_the_rest_at_the_top() -> None:
    given_ = allocate(Places(np.array([-1, 0, 0]), np.array([100.0, 0, 0]), np.array([30.0, 20, 10]), np.ones(3)))
    np.testing.assert_allclose(given_, [0, 20, 10])


def test_the_top_keeps_what_it_needs_itself() -> None:
    given_ = allocate(Places(np.array([-1, 0]), np.array([50.0, 0]), np.array([30.0, 40]), np.ones(2)))
    np.testing.assert_allclose(given_, [0, 20])


def test_a_circle_is_named() -> None:
    with pytest.raises(DataError, match="place 1 has no way up"):
        allocate(Places(np.array([-1, 2, 1]), np.zeros(3), np.zeros(3), np.zeros(3)))
