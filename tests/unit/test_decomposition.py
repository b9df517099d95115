"""A series is taken apart into what it was made of, and its parts add up to it."""

from __future__ import annotations

import math
import time
from statistics import mean

import numpy as np
import pytest

from ml.errors import DataError
from ml.explain.decomposition import ADDITIVE, MULTIPLICATIVE, Decomposition, decompose

MONTHS = 60
NAN = float("nan")


def season(at: int, size: float = 1.0) -> float:
    return size * math.sin(2 * math.pi * at / 12)


def additive(noise: float = 2.0, count: int = MONTHS) -> list[float]:
    draw = np.random.default_rng(1)
    return [100 + 6 * at + season(at, 60) + draw.normal(0, noise) for at in range(count)]


def multiplicative(noise: float = 0.02) -> list[float]:
    draw = np.random.default_rng(2)
    return [100 * 1.03**at * (1 + season(at, 0.4)) * math.exp(draw.normal(0, noise)) for at in range(MONTHS)]


def sums(found: Decomposition) -> list[float]:
    return [sum(parts) for parts in zip(found.trend, found.season, found.events, found.residual, strict=True)]


@pytest.mark.parametrize(
    "y",
    [additive(), multiplicative(), [0.0] * 30, [5.0] * 30, [0.0] * 20 + [70.0] + [0.0] * 20, [3.0], [1.0, 4.0]],
    ids=["additive", "multiplicative", "zero", "constant", "spike", "one", "two"],
)
def test_components_add_up_to_the_series(y: list[float]) -> None:
    found = decompose(y, 12)
    assert sums(found) == pytest.approx(y, rel=1e-12, abs=1e-9)
    assert 0 <= found.trend_strength <= 1
    assert 0 <= found.season_strength <= 1


def test_an_additive_series_is_found_as_it_was_made() -> None:
    found = decompose(additive(), 12)
    assert found.mode == ADDITIVE
    assert mean(abs(found.trend[at] - 100 - 6 * at) for at in range(MONTHS)) < 1.5
    assert mean(abs(found.season[at] - season(at, 60)) for at in range(MONTHS)) < 2.5
    assert found.trend_strength > 0.95
    assert found.season_strength > 0.95


def test_a_multiplicative_series_is_found_as_it_was_made() -> None:
    found = decompose(multiplicative(), 12)
    assert found.mode == MULTIPLICATIVE
    shares = [part / level for part, level in zip(found.season, found.trend, strict=True)]
    peaks = [shares[at] for at in range(3, MONTHS, 12)]
    assert max(peaks) - min(peaks) < 0.1
    assert mean(peaks) == pytest.approx(0.45, abs=0.08)  # over the geometric mean


def test_an_outlier_lands_in_the_residual_and_not_in_trend_or_season() -> None:
    plain, y = decompose(additive(), 12), additive()
    y[30] += 500
    found = decompose(y, 12)
    assert found.residual[30] - plain.residual[30] > 450
    assert abs(found.season[18] - plain.season[18]) < 10
    assert max(abs(a - b) for a, b in zip(found.trend, plain.trend, strict=True)) < 10


def test_events_explain_what_recurs_with_them() -> None:
    y, covered = additive(), [0.0] * MONTHS
    for at in (5, 16, 27, 40, 51):
        covered[at] = 0.5
        y[at] += 60
    found = decompose(y, 12, {"sale": covered})
    assert found.effects["sale"] == pytest.approx(120 * 5 / 6, rel=0.2)  # shrunk by one occurrence of no effect
    assert found.events[5] == pytest.approx(found.effects["sale"] / 2)
    assert found.events[6] == 0


def test_what_covers_most_of_a_series_is_no_event() -> None:
    assert decompose(additive(), 12, {"price": [0.0] * 10 + [1.0] * 50}).effects == {}


def test_what_comes_with_every_season_is_no_event() -> None:
    christmas = [float(at % 12 == 11) for at in range(MONTHS)]
    assert decompose(additive(), 12, {"Christmas": christmas}).effects == {}
    moved = [float(at % 12 == 11 and at < 40) for at in range(MONTHS)]
    assert set(decompose(additive(), 12, {"fair": moved}).effects) == {"fair"}


def test_unknown_periods_have_a_trend_but_no_residual() -> None:
    y = additive()
    y[20] = NAN
    found = decompose(y, 12)
    assert math.isnan(found.residual[20])
    assert found.trend[20] + found.season[20] == pytest.approx(220 + season(20, 60), abs=8)


def test_a_series_under_two_seasons_has_no_season() -> None:
    found = decompose(additive(count=23), 12)
    assert set(found.season) == {0.0}
    assert found.mode == ADDITIVE


def test_two_thousand_days_take_a_moment_only() -> None:
    draw = np.random.default_rng(3)
    y = [50 + 10 * (at % 7 == 5) + draw.normal(0, 2) for at in range(2000)]
    begun = time.process_time()
    decompose(y, 7)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("y", "length", "events", "message"),
    [
        ([], 12, {}, "finite"),
        ([NAN, NAN], 12, {}, "finite"),
        ([1.0, math.inf], 12, {}, "finite"),
        ([1.0], 0, {}, "season length"),
        ([1.0, 2.0], 1, {"sale": [1.0]}, "'sale'"),
    ],
)
def test_what_cannot_be_decomposed_is_refused(
    y: list[float], length: int, events: dict[str, list[float]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        decompose(y, length, events)
