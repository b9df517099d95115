"""How bands and their ends are named."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = (50, 80, 95)
"""Central bands in percent: p25 to p75, p10 to p90, p025 to p975."""


def tail_name(share: float) -> str:
    """The column of a quantile: 0.1 -> p10, 0.025 -> p025, 0.5 -> p50."""
    digits = f"{share:.6f}".split(".")[1].rstrip("0")
    return "p" + digits.ljust(2, "0")


def tails(levels: Sequence[int] = LEVELS) -> list[float]:
    """The quantiles that the central bands `levels` need, in ascending order, the median included."""
    ends = {round(0.5 + sign * level / 200, 6) for level in levels for sign in (-1, 1)}
    return sorted(ends | {0.5})
