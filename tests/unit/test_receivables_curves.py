"""Curves: probabilities, quantiles and bending agree, and the past is cut off."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.receivables.credibility import LEAST, MOST, USUAL, credibility
from ml.receivables.curves import Curves, falling, make_edges
from ml.receivables.residuals import fit_law
from ml.receivables.running import RunningSums
from ml.receivables.scale import fit_scale
from ml.receivables.scores import auc
from ml.receivables.shifts import fit_shifts

EDGES = np.array([-31.0, -10, 0, 5, 30, 90, 365])


def curves(*rows: list[float]) -> Curves:
    return Curves(EDGES, np.array(rows))


USUAL_ROW = [1.0, 0.9, 0.5, 0.3, 0.1, 0.05, 0.01]


def test_probabilities_and_quantiles_are_inverse() -> None:
    own, none = curves(USUAL_ROW), np.array([-31.0])
    for share in (0.05, 0.1, 0.5, 0.6, 0.9, 0.94):
        delay = own.quantile(np.array([share]), none)
        assert own.at(delay)[0] == pytest.approx(1 - share)
    assert own.exceeds(0.0, none)[0] == 0.5
    assert own.exceeds(0.0, np.array([-10.0]))[0] == pytest.approx(0.5 / 0.9)
    assert own.exceeds(0.0, np.array([3.0]))[0] == 1.0


def test_the_mean_is_that_of_all_quantiles() -> None:
    passed = np.array([-40.0, -31.0, -4.0, 12.0, 400.0])
    own = curves(*[USUAL_ROW] * 5)
    shares = (np.arange(20_000) + 0.5) / 20_000
    expected = np.mean([own.quantile(np.full(5, share), passed) for share in shares], axis=0)
    assert own.mean(passed) == pytest.approx(expected, rel=0.005, abs=0.05)


@given(st.lists(st.integers(-31, 800), min_size=2, max_size=8), st.integers(0, 1000))
def test_no_quantile_moves_back_as_an_unpaid_invoice_gets_older(days: list[int], seed: int) -> None:
    own = Curves(EDGES, falling(np.sort(np.random.default_rng(seed).random((1, len(EDGES))))[:, ::-1]))
    before: dict[float, int] = {}
    for passed in sorted(days):
        for share in (0.1, 0.5, 0.9):
            found = int(own.band_day(share, np.array([float(passed)]))[0])
            assert found > passed
            assert found >= before.get(share, found)
            before[share] = found
        assert before[0.1] <= before[0.5] <= before[0.9]


def test_a_bent_curve_has_the_wanted_probability_and_stays_a_curve() -> None:
    own = curves(USUAL_ROW, USUAL_ROW, USUAL_ROW)
    passed = np.array([-31.0, -11.0, 4.0])
    bent = own.bent(np.array([0.2, 0.8, 0.1]), passed)
    assert bent.exceeds(0.0, passed) == pytest.approx([0.2, 0.8, 1.0], abs=0.005)
    assert (np.diff(bent.unpaid, axis=1) <= 1e-12).all()
    np.testing.assert_allclose(bent.unpaid[2], own.unpaid[2])


def test_edges_hold_the_due_date_and_all_payments() -> None:
    edges = make_edges(np.array([30.0, 60.0]), np.array([-20.0, 1.0, 200.0]))
    assert edges[0] == -61
    assert {0.0, 30.0, 90.0} <= set(edges)
    assert (np.diff(edges) > 0).all()


def test_running_sums_match_a_naive_loop() -> None:
    random = np.random.default_rng(1)
    group, day, value = random.integers(0, 5, 200), random.integers(0, 50, 200), random.normal(size=200)
    sums = RunningSums(group, day, {"x": value})
    asked, until = random.integers(0, 6, 80), random.integers(0, 60, 80)
    for own, limit, total, count in zip(
        asked, until, sums.total("x", asked, until), sums.count(asked, until), strict=True
    ):
        earlier = (group == own) & (day < limit)
        assert (total, count) == (pytest.approx(value[earlier].sum()), earlier.sum())


def test_the_law_of_residuals_counts_censored_ones_as_longer() -> None:
    random = np.random.default_rng(2)
    actual = random.normal(0, 1, 4000)
    limit = random.normal(0.5, 1, 4000)
    seen = actual <= limit
    law = fit_law(np.minimum(actual, limit), seen, np.ones(4000))
    assert law.exceeds(np.array([0.0, 1.0])) == pytest.approx([0.5, 0.159], abs=0.03)
    naive = fit_law(actual[seen], np.ones(int(seen.sum()), dtype=bool), np.ones(int(seen.sum())))
    assert naive.exceeds(np.array([0.0]))[0] < 0.42


def test_shifts_are_measured_within_customers() -> None:
    random = np.random.default_rng(3)
    customer = random.integers(0, 50, 2000)
    habit = random.normal(0, 10, 50)
    paperless = (random.random(2000) < 0.5 + 0.04 * np.clip(habit, -10, 10)[customer]).astype(float)
    delay = habit[customer] - 5 * paperless + random.normal(0, 3, 2000)
    marks = pd.DataFrame({"paperless": paperless, "disputed": np.nan, "log_amount": 4.0})
    found = fit_shifts(marks, delay, customer)
    assert found.days["paperless"] == pytest.approx(-5, abs=0.5)
    assert found.days["disputed"] == 0.0


def test_credibility_is_within_over_between() -> None:
    random = np.random.default_rng(4)
    group = np.repeat(np.arange(300), 20)
    values = random.normal(0, 2, 300)[group] + random.normal(0, 4, 6000)
    assert credibility(values, group) == pytest.approx(4.0, rel=0.25)
    assert credibility(random.normal(size=6000), group) > 20
    assert credibility(np.zeros(3), np.array([0, 1, 2])) == USUAL
    assert LEAST <= credibility(group.astype(float), group) <= MOST


def test_noise_grows_as_the_data_says() -> None:
    random = np.random.default_rng(5)
    days = random.uniform(5, 80, 5000)
    found = fit_scale(random.normal(size=5000) * days**0.5, np.full(5000, 5.0), days)
    assert found.power == pytest.approx(0.5, abs=0.05)


def test_auc_counts_pairs() -> None:
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert np.isnan(auc(np.array([0.1, 0.2]), np.zeros(2)))
