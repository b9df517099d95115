"""MinT and proportions beside the formulas written out; the weights beside the covariance written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml.reconcile.methods import mint, proportions
from ml.reconcile.sums import Sums
from ml.reconcile.weights import Covariance, ErrorModel, Law, shrinkage

Floats = NDArray[np.float64]


@pytest.fixture
def sums() -> Sums:
    """Six series in a grouped hierarchy: the total, two regions, and three categories across them."""
    base = pd.Index([f"b{i}" for i in range(6)])
    return Sums.of(
        base,
        [
            ("total", pd.Series(["t"] * 6)),
            ("region", pd.Series(["r0"] * 3 + ["r1"] * 3)),
            ("category", pd.Series(["c0", "c1", "c2"] * 2)),
        ],
    )


def made_covariance(random: np.random.Generator, count: int) -> tuple[Covariance, Floats]:
    """A covariance, short and written out."""
    columns = random.normal(size=(count, 2))
    variance = np.square(columns).sum(axis=1) + random.uniform(0.5, 2.0, count)
    covariance = Covariance(variance, columns)
    return covariance, np.diag(covariance.own) + columns @ columns.T


def test_mint_equals_the_formula_written_out(sums: Sums) -> None:
    random = np.random.default_rng(1)
    base = random.uniform(50, 100, (6, 4))
    direct = sums.matrix @ base + random.normal(0, 5, (6, 4))
    covariance, written = made_covariance(random, 12)
    summing = np.concatenate([sums.matrix.toarray(), np.eye(6)])
    inverse = np.linalg.inv(written)
    weights = np.linalg.inv(summing.T @ inverse @ summing) @ summing.T @ inverse
    expected = weights @ np.concatenate([direct, base])
    np.testing.assert_allclose(mint(base, direct, sums, covariance), expected, rtol=1e-9)


def test_mint_leaves_forecasts_that_agree_and_is_never_negative(sums: Sums) -> None:
    covariance, _ = made_covariance(np.random.default_rng(2), 12)
    base = np.full((6, 1), 1.0)
    np.testing.assert_allclose(mint(base, sums.matrix @ base, sums, covariance), base)
    far_below = sums.matrix @ base - 100.0
    assert (mint(base, far_below, sums, covariance) >= 0).all()


def test_mint_follows_the_forecast_that_is_the_surest(sums: Sums) -> None:
    top = sums.only(sums.level == "total")
    base, direct = np.full((6, 1), 10.0), np.array([[90.0]])
    sure_total = Covariance(np.array([1e-6, 1, 1, 1, 1, 1, 4.0]), np.zeros((7, 0)))
    moved = mint(base, direct, top, sure_total)[:, 0]
    assert moved.sum() == pytest.approx(90.0, rel=1e-5)
    assert moved[5] - 10 == pytest.approx(4 * (moved[0] - 10))  # the least sure moves the most
    sure_base = Covariance(np.array([1e6, 1, 1, 1, 1, 1, 1.0]), np.zeros((7, 0)))
    np.testing.assert_allclose(mint(base, direct, top, sure_base), base, atol=1e-3)


def test_proportions_share_out_the_total_and_keep_what_has_none(sums: Sums) -> None:
    regions = sums.only(sums.level == "region")
    base = np.array([[1.0], [2.0], [1.0], [0.0], [0.0], [0.0]])
    shared = proportions(base, np.array([[8.0], [5.0]]), regions)
    np.testing.assert_allclose(shared[:, 0], [2.0, 4.0, 2.0, 0.0, 0.0, 0.0])
    unknown = proportions(base, np.array([[np.nan], [5.0]]), regions)
    np.testing.assert_allclose(unknown, base)


def test_the_law_finds_the_power_and_keeps_each_levels_sum() -> None:
    random = np.random.default_rng(3)
    size = random.lognormal(3, 1, 400)
    level = np.repeat(np.array(["fine", "coarse"], dtype=object), 200)
    variance = np.where(level == "fine", 2.0, 0.5) * size**1.5
    law = Law.fit(variance, size, level)
    assert law.exponent == pytest.approx(1.5)
    assert law.factors == pytest.approx({"fine": 2.0, "coarse": 0.5})
    np.testing.assert_allclose(law(size, level), variance)


def test_shrinkage_equals_a_loop_over_all_pairs() -> None:
    random = np.random.default_rng(4)
    origin = np.repeat([0, 1, 2], [4, 3, 2])
    scaled = random.normal(size=(5, 9)) + random.normal(size=(1, 9))
    weights = np.bincount(origin) / len(origin)
    noise = squares = 0.0
    for i in range(5):
        for j in range(5):
            if i == j:
                continue
            per_origin = np.array([(scaled[i] * scaled[j])[origin == k].mean() for k in range(3)])
            mean = float(weights @ per_origin)
            noise += float(np.square(weights) @ np.square(per_origin - mean)) * 3 / 2
            squares += mean**2
    assert 0 < noise / squares < 1
    assert shrinkage(scaled, origin) == pytest.approx(noise / squares)
    assert shrinkage(scaled, np.zeros(9, dtype=np.int64)) == 1.0  # one origin tells nothing of correlations


def test_errors_that_go_together_give_correlations_and_others_none() -> None:
    random = np.random.default_rng(5)
    origin = np.repeat(np.arange(10), 6)
    common = random.normal(size=(1, 60))
    errors = np.concatenate([common + 0.1 * random.normal(size=(20, 60)), random.normal(size=(20, 60))])
    ids, level = pd.Index([f"n{i}" for i in range(40)]), np.full(40, "base", dtype=object)
    model = ErrorModel.fit(ids, level, errors, np.ones(40), origin)
    covariance = model.covariance(ids, level, np.ones(40))
    correlation = (
        covariance.columns @ covariance.columns.T / np.sqrt(np.outer(covariance.variance, covariance.variance))
    )
    assert correlation[0, 1] > 0.8
    assert abs(correlation[0, 30]) < 0.3
    assert (covariance.own > 0).all()


def test_series_unseen_in_the_backtest_follow_the_law_of_their_level() -> None:
    random = np.random.default_rng(6)
    ids, level = pd.Index(["a", "b", "c"]), np.full(3, "base", dtype=object)
    size = np.array([10.0, 100.0, 1000.0])
    errors = (random.normal(size=(1, 12)) + 0.1 * random.normal(size=(3, 12))) * size[:, None]
    model = ErrorModel.fit(ids, level, errors, size, np.repeat([0, 1, 2], 4))
    found = model.covariance(pd.Index(["new", "a"]), level[:2], np.array([50.0, 10.0]))
    assert found.variance[0] == pytest.approx(float(model.law(np.array([50.0]), level[:1])[0]))
    assert (found.columns[0] == 0).all()
    assert (found.columns[1] != 0).any()
