"""The cash chart, drawn by the server: the balance with its band, its minimum, and the scenario beside it, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import Any

from webapp.pages.formats import compact, long_date

WIDTH, HEIGHT = 760.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 10.0, 12.0, 26.0
MOST_STEPS = 5
MOST_LABELS = 7


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class CashPlot:
    """Paths in a box of 760 by 250: `band` from P10 to P90 and `line` (P50) of the balance, `base` the balance without
    the scenario ('' where they are the same); `minimum` is the height of the least balance, None without one."""

    band: str
    line: str
    base: str
    minimum: float | None
    across: list[Tick]
    down: list[Tick]
    short_at: float | None


def cash_plot(
    periods: Sequence[Any], base: Sequence[Any], minimum: float, short: Any | None, *, same: bool
) -> CashPlot | None:
    """The chart of balances at the ends of periods; None below two of them."""
    if len(periods) < 2:
        return None
    values = [value for one in periods for value in (one.balance_p10, one.balance_p90)]
    values += [one.balance_p50 for one in base] + [minimum, 0.0]
    levels = axis(min(values), max(values))
    low, high = levels[0], levels[-1]
    step = (WIDTH - LEFT - RIGHT) / (len(periods) - 1)

    def x(number: int) -> float:
        return LEFT + number * step

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    upper = [f"{x(i):.1f} {y(one.balance_p90):.1f}" for i, one in enumerate(periods)]
    lower = [f"{x(i):.1f} {y(one.balance_p10):.1f}" for i, one in enumerate(periods)]
    middle = [f"{x(i):.1f} {y(one.balance_p50):.1f}" for i, one in enumerate(periods)]
    before = [f"{x(i):.1f} {y(one.balance_p50):.1f}" for i, one in enumerate(base)]
    every = max(1, -(-len(periods) // MOST_LABELS))
    across = [Tick(x(i), label(one.last_day)) for i, one in enumerate(periods) if i % every == 0]
    first = next((i for i, one in enumerate(periods) if short is not None and one.last_day == short.last_day), None)
    return CashPlot(
        band="M" + " L".join(upper + lower[::-1]) + "Z",
        line="M" + " L".join(middle),
        base="" if same else "M" + " L".join(before),
        minimum=y(minimum) if minimum else None,
        across=across,
        down=[Tick(y(level), compact(level)) for level in levels],
        short_at=None if first is None else x(first),
    )


def axis(low: float, high: float) -> list[float]:
    """Levels of an axis around both, with steps of 1, 2, 2.5 or 5 times a power of ten, MOST_STEPS of them at most."""
    power = 10.0 ** floor(log10(max(high - low, 1.0) / MOST_STEPS))
    for step in (size * power for size in (1.0, 2.0, 2.5, 5.0, 10.0)):
        start = floor(low / step)
        if (count := max(ceil(high / step) - start, 1)) <= MOST_STEPS:
            return [(start + number) * step for number in range(count + 1)]
    return axis(low, high + MOST_STEPS * power)


def label(day: date) -> str:
    """The end of a period without its year: 8 Nov."""
    return long_date(day).rsplit(" ", 1)[0]
