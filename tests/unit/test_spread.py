"""Amounts divided by proportion add up exactly."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from ml.overrides.spread import spread, target


def exactly(parts: list[float]) -> Decimal:
    return sum((Decimal(str(part)) for part in parts), Decimal(0))


def test_parts_are_proportional() -> None:
    assert spread(60.0, [1.0, 2.0, 3.0]) == [10.0, 20.0, 30.0]


def test_what_rounding_leaves_goes_to_the_largest_remainders() -> None:
    assert spread(1.0, [1.0, 1.0, 1.0]) == [0.3334, 0.3333, 0.3333]
    assert spread(-1.0, [1.0, 1.0, 1.0]) == [-0.3333, -0.3333, -0.3334]


def test_a_zero_base_is_divided_by_the_fallback_and_else_evenly() -> None:
    assert spread(9.0, [0.0, 0.0], [2.0, 1.0]) == [6.0, 3.0]
    assert spread(9.0, [0.0, 0.0], [0.0, 0.0]) == [4.5, 4.5]
    assert spread(9.0, [0.0, 0.0, 0.0]) == [3.0, 3.0, 3.0]


def test_nothing_is_divided_among_nobody() -> None:
    assert spread(0.0, []) == []
    with pytest.raises(ValueError, match="no parts"):
        spread(1.0, [])


def test_sums_are_exact_and_parts_close_to_their_proportion_whatever_the_weights() -> None:
    chance = random.Random(7)  # noqa: S311
    for _ in range(300):
        weights = [chance.choice([0.0, chance.random() * 10 ** chance.randint(-6, 9)]) for _ in range(50)] + [1.0]
        total = round(chance.uniform(-1e9, 1e9), 4)
        parts = spread(total, weights)
        assert exactly(parts) == Decimal(str(total))
        whole = sum(map(Fraction, weights))
        wanted = [float(Fraction(total) * Fraction(weight) / whole) for weight in weights]
        assert parts == pytest.approx(wanted, abs=2e-4)


def test_targets() -> None:
    assert target("value", 120.0, 80.0) == 120.0
    assert target("percent", 5.0, 80.0) == 84.0
    assert target("percent", -100.0, 80.0) == 0.0
