"""What policies trade, as coordinates for SVG: the value of the stock that they hold for the units that they serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from webapp.pages.formats import compact, percent
from webapp.pages.stock_plot import Tick, path

WIDTH, HEIGHT = 720.0, 310.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 16.0, 12.0, 52.0
STEPS, MOST_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2), 5
"""Shares between lines of the grid, and how many there are at most."""
KINDS = 6
"""Ways of drawing a curve; a seventh looks like the first."""


@dataclass(frozen=True)
class Dot:
    """A policy at one level."""

    x: float
    y: float
    text: str
    best: bool


@dataclass(frozen=True)
class Curve:
    """One policy over its levels, from little stock to much."""

    name: str
    kind: int
    line: str
    dots: list[Dot]


@dataclass(frozen=True)
class TradeOff:
    """Curves in a box of WIDTH by HEIGHT."""

    curves: list[Curve]
    across: list[Tick]
    down: list[Tick]
    summary: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    base: float = HEIGHT - BOTTOM


def trade_off(points: Sequence[Mapping[str, Any]], names: Mapping[str, str], best: str) -> TradeOff:
    """The chart of a simulation's points; `names` are those of policies, `best` the label of the cheapest point."""
    most = max(1.0, *(point["stock_value"] for point in points))
    missed = 1.0 - min(point["fill"] for point in points)
    step = next(step for step in STEPS if missed <= MOST_TICKS * step)
    count = max(ceil(missed / step), 1)
    floor = 1.0 - count * step

    def at(value: float, fill: float) -> tuple[float, float]:
        across = LEFT + value / most * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(TOP + (1 - fill) / (1 - floor) * (HEIGHT - TOP - BOTTOM), 1)

    curves = []
    for kind, policy in enumerate(dict.fromkeys(point["policy"] for point in points)):
        mine = sorted((point for point in points if point["policy"] == policy), key=lambda point: point["stock_value"])
        places = [at(point["stock_value"], point["fill"]) for point in mine]
        dots = [
            Dot(*place, f"{point['label']}: {point['fill']:.1%} served", point["label"] == best)
            for place, point in zip(places, mine, strict=True)
        ]
        curves.append(Curve(names.get(policy, policy), kind % KINDS, path(places) if len(places) > 1 else "", dots))
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return TradeOff(
        curves,
        across=[Tick(at(share * most, 1.0)[0], compact(share * most)) for share in shares],
        down=[Tick(at(0.0, 1.0 - line * step)[1], percent(1.0 - line * step)) for line in range(count + 1)],
        summary=f"{len(points)} policies by their stock's value and the units that they serve; {best} costs least.",
    )
