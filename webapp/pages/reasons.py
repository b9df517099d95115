"""Why a forecast is what it is: what adds and what takes, as rows with bars and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

from ml.explain.themes import CORRECTION, OTHERS
from webapp.pages.formats import change, full, plus, sentence
from webapp.queries.factors import SeriesFactors

SHOWN = 7
"""Reasons that are told apart; the rest is one row."""
LEAST = 0.005
"""Reasons that move less than this share of the forecast belong to the rest."""
HALF = 50.0
"""Where the bars' axis lies, in percent of their width."""
REST = "Everything else"
UNTOLD = (OTHERS, CORRECTION)
"""Themes that say nothing of what moves sales."""


@dataclass(frozen=True)
class Reason:
    """A row: `units` that it adds, `effect` relative to what was expected without it, and its bar from `x` on, in
    percent of the width: right of the middle for what adds, left of it for what takes."""

    name: str
    units: float
    effect: float | None
    x: float
    width: float


@dataclass(frozen=True)
class Reasons:
    """The rows from the base to the forecast, and what they say in words."""

    base: float
    forecast: float
    rows: list[Reason]
    words: str


def reasons_of(found: SeriesFactors | None, season: str) -> Reasons | None:
    """The rows for a forecast; None where it was not taken apart. `season` is what the base is a mean of: 12 months."""
    if found is None or found.base is None:
        return None
    told = [one for one in found.factors[:SHOWN] if abs(one.units) >= LEAST * abs(found.forecast)]
    rows = [(sentence(one.name), one.units, None if one.factor is None else one.factor - 1) for one in told]
    rest = fsum(one.units for one in found.factors[len(told) :])
    if found.factors[len(told) :]:
        rows.append((REST, rest, None))
    most = max((abs(units) for _, units, _ in rows), default=0.0) or 1.0
    made = [Reason(name, units, effect, *bar(units / most)) for name, units, effect in rows]
    return Reasons(found.base, found.forecast, made, in_words(found, season))


def bar(share: float) -> tuple[float, float]:
    """Where the bar of a share of the longest one (-1 to 1) begins, and how wide it is."""
    width = HALF * abs(share)
    return (HALF if share >= 0 else HALF - width), width


def in_words(found: SeriesFactors, season: str) -> str:
    """The forecast beside the average, and the reason that moves it most."""
    base, forecast = found.base or 0.0, found.forecast
    moved = f", {change(forecast / base - 1)} on the average of the last {season}" if base > 0 else ""
    said = f"{full(forecast)} expected{moved}."
    told = [one for one in found.factors if one.theme not in UNTOLD]
    if not told or abs(told[0].units) < LEAST * abs(forecast):
        return said
    first = told[0]
    verb = "adds" if first.units > 0 else "takes away"
    return f"{said} What {verb} most: {first.name} ({plus(first.units)})."
