"""An amount divided by proportion so that its parts add up to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, fsum

UNITS = 10_000
"""Parts are multiples of 1/UNITS: what the tables keep of an amount."""


def spread(total: float, weights: Sequence[float], fallback: Sequence[float] = ()) -> list[float]:
    """Divide `total` in proportion to `weights`; where these sum to nothing, to `fallback`, else evenly.

    Parts are multiples of 0.0001 and add up to `total` rounded to that, exactly: what rounding down leaves goes to the
    parts with the largest remainders. Raises ValueError where there is an amount and nothing to divide it among.
    """
    units = round(total * UNITS)
    if not weights:
        if units:
            raise ValueError(f"{total} cannot be divided among no parts")
        return []
    shares = next((some for some in (weights, fallback) if len(some) and fsum(some) > 0), [1.0] * len(weights))
    whole = fsum(shares)
    exact = [units * (share / whole) for share in shares]
    parts = [floor(part) for part in exact]
    left = units - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_remainder[:left] if left >= 0 else by_remainder[left:]:
        parts[at] += 1 if left > 0 else -1
    return [part / UNITS for part in parts]


def target(kind: str, value: float, before: float) -> float:
    """What a forecast becomes: the value itself, or `before` changed by that many percent."""
    return value if kind == "value" else before * (1 + value / 100)
