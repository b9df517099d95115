"""Local regression on one series in plain Python: a web process may run it, since it loads no numerical library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LEAST_WEIGHT = 1e-9


class Point(NamedTuple):
    """A known value at a period's number, and how far it is trusted (0 to 1)."""

    at: int
    value: float
    weight: float


def smooth(points: Sequence[Point], count: int, span: int) -> list[float]:
    """The local line through the `span` nearest of ascending `points`, for the periods 0 to `count - 1`.

    Tricube weights times the points' own (Cleveland 1979; Cleveland et al. 1990). Expects at least one point.
    """
    size = min(span, len(points))
    widening = span / size
    low = 0
    values = []
    for at in range(count):
        while low + size < len(points) and points[low + size].at - at < at - points[low].at:
            low += 1
        near = points[low : low + size]
        reach = max(at - near[0].at, near[-1].at - at) * widening + 1.0
        values.append(_line(near, at, reach))
    return values


def _line(near: Sequence[Point], at: int, reach: float) -> float:
    """The weighted line through `near`, at `at`; their level where all lie in one place."""
    total = moment = spread = level = slope = 0.0
    for place, value, trusted in near:
        step = place - at
        share = abs(step) / reach
        weight = max(trusted, LEAST_WEIGHT) * (1.0 - share * share * share) ** 3
        total += weight
        moment += weight * step
        spread += weight * step * step
        level += weight * value
        slope += weight * step * value
    determinant = total * spread - moment * moment
    if determinant <= 1e-9 * total * spread or determinant <= 0:
        return level / total
    return (spread * level - moment * slope) / determinant
