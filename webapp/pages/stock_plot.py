"""The projection of an item's stock as coordinates for SVG: the band from P10 to P90, the median, and what comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.pages.formats import compact

WIDTH, HEIGHT = 720.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 10.0, 24.0
WEEK = 7


@dataclass(frozen=True)
class Tick:
    """A line of the grid with what is written beside it."""

    at: float
    text: str


@dataclass(frozen=True)
class Week:
    """A row of the table beside the plot: the stock at the end of the week, what is wanted in it and what comes in."""

    day: date
    p10: float
    p50: float
    p90: float
    demand: float
    receipts: float


@dataclass(frozen=True)
class Plot:
    """Paths and marks in a box of WIDTH by HEIGHT."""

    band: str
    median: str
    receipts: list[tuple[float, float, str]]
    levels: list[Tick]
    days: list[Tick]
    weeks: list[Week]
    summary: str
    base: float = HEIGHT - BOTTOM
    left: float = LEFT
    right: float = WIDTH - RIGHT


def projection_plot(projection: Mapping[str, Sequence[float]], today: date) -> Plot | None:
    """The plot of a stored projection that begins on `today`; None where it has fewer than two days."""
    low, middle, high = (projection[name] for name in ("p10", "p50", "p90"))
    if len(middle) < 2:
        return None
    most = max(*high, 1.0)
    step = (WIDTH - LEFT - RIGHT) / (len(middle) - 1)

    def point(at: int, value: float) -> tuple[float, float]:
        return round(LEFT + at * step, 1), round(TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM), 1)

    upper, lower, line = ([point(at, value) for at, value in enumerate(values)] for values in (high, low, middle))
    comes = [
        (*point(at, middle[at]), f"{units:,.0f} arrive on {today + timedelta(days=at):%Y-%m-%d}")
        for at, units in enumerate(projection["receipts"])
        if units > 0
    ]
    weeks = [
        Week(
            today + timedelta(days=end - 1), low[end - 1], middle[end - 1], high[end - 1],
            sum(projection["demand"][end - WEEK : end]), sum(projection["receipts"][end - WEEK : end]),
        )
        for end in range(WEEK, len(middle) + 1, WEEK)
    ]  # fmt: skip
    return Plot(
        band=path([*upper, *reversed(lower)]) + " Z", median=path(line), receipts=comes,
        levels=[Tick(point(0, share * most)[1], compact(share * most)) for share in (0.0, 0.5, 1.0)],
        days=[
            Tick(point(at, 0)[0], f"{day:%b} {day.day}")
            for at in range(0, len(middle), 2 * WEEK)
            for day in (today + timedelta(days=at),)
        ],
        weeks=weeks, summary=summary(middle, today),
    )  # fmt: skip


def path(points: Sequence[tuple[float, float]]) -> str:
    """Points as an SVG path."""
    return "M" + " L".join(f"{x} {y}" for x, y in points)


def summary(middle: Sequence[float], today: date) -> str:
    """The plot in a sentence, for those who hear it."""
    out = next((at for at, value in enumerate(middle) if value <= 0), None)
    ends = "lasts through it" if out is None else f"is likely used up on {today + timedelta(days=out):%Y-%m-%d}"
    span = f"the {len(middle)} days from {today:%Y-%m-%d}"
    return f"Stock over {span} without new orders: {middle[0]:,.0f} units at first; it {ends}."
