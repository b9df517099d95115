"""What a series is made of: trend, season, events, and what none of them explains.

A robust decomposition in the manner of STL (Cleveland, Cleveland, McRae and Terpenning 1990): trend by local
regression, season by averages of each position over the neighbouring cycles, both with bisquare weights that do not
listen to outliers; events by backfitting (Hastie and Tibshirani 1990). Plain Python, for one series of up to some
thousand periods: pages and jobs run the same code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median, pvariance
from typing import Literal

from ml.errors import DataError
from ml.explain.loess import LEAST_WEIGHT, Point, smooth

ROBUST_PASSES, INNER_PASSES = 4, 2
LEAST_SPAN = 7
"""Periods that a trend looks at where no season asks for more."""
CYCLES = 5
"""Cycles to either side at which a season no longer counts."""
CYCLE_WEIGHTS = [(cycle, (1 - abs(cycle / CYCLES) ** 3) ** 3) for cycle in range(1 - CYCLES, CYCLES)]
OUTLYING = 6.0
"""Median absolute residuals from which a value is not listened to at all."""
SCARCE = 0.5
"""What covers more than this share of a series' periods is no event but its level."""

Mode = Literal["additive", "multiplicative"]
ADDITIVE: Mode = "additive"
MULTIPLICATIVE: Mode = "multiplicative"


@dataclass(frozen=True)
class Decomposition:
    """Components in units of the series, a value a period; the four add up to the series.

    In a `multiplicative` one the season and the events are shares of the level (a season of +20 % is more in units
    where the trend is higher), in an `additive` one they are amounts. `residual` is NaN where the series is unknown.
    `effects` are what an event does in a period that it covers wholly: a factor or an amount, by mode. The strengths
    are from 0 to 1 (Wang, Smith and Hyndman 2006).
    """

    mode: Mode
    trend: tuple[float, ...]
    season: tuple[float, ...]
    events: tuple[float, ...]
    residual: tuple[float, ...]
    effects: Mapping[str, float]

    @property
    def trend_strength(self) -> float:
        """How much of what is left without season and events is trend."""
        return self._strength(self.trend)

    @property
    def season_strength(self) -> float:
        """How much of what is left without trend and events is season."""
        return self._strength(self.season)

    def _strength(self, component: tuple[float, ...]) -> float:
        pairs = [(value, rest) for value, rest in zip(component, self.residual, strict=True) if not math.isnan(rest)]
        together = pvariance([value + rest for value, rest in pairs])
        return max(0.0, 1.0 - pvariance([rest for _, rest in pairs]) / together) if together > 0 else 0.0


def decompose(
    y: Sequence[float], season_length: int, events: Mapping[str, Sequence[float]] | None = None
) -> Decomposition:
    """Decompose `y` (NaN where unknown), whose season has `season_length` periods.

    `events` gives by name the share of each period that an event covers (0 to 1). A series under two seasons has no
    season. Multiplicative where all is above zero and less is left unexplained so, else additive. Raises DataError for
    a series without a known value, a season below 1, and events that are not of the series' length.
    """
    covered = events or {}
    _check(y, season_length, covered)
    found = _of(y, _parts(y, season_length, covered), ADDITIVE)
    known = [value for value in y if not math.isnan(value)]
    if len(known) >= 2 * season_length and min(known) > 0:
        logs = [math.log(value) if not math.isnan(value) else value for value in y]
        other = _of(y, _parts(logs, season_length, covered), MULTIPLICATIVE)
        return other if _unexplained(other) < _unexplained(found) else found
    return found


def _check(y: Sequence[float], season_length: int, events: Mapping[str, Sequence[float]]) -> None:
    if season_length < 1:
        raise DataError(f"the season length is {season_length}; expected at least 1 period.")
    if not any(math.isfinite(value) for value in y) or any(math.isinf(value) for value in y):
        raise DataError("cannot decompose the series: expected finite numbers, at least one of them known.")
    for name, shares in events.items():
        if len(shares) != len(y):
            raise DataError(f"event {name!r} covers {len(shares)} periods; expected {len(y)}, as the series has.")


@dataclass
class _Parts:
    """Components on the scale on which they add up."""

    trend: list[float]
    season: list[float]
    events: list[float]
    effects: dict[str, float]

    def without(self, *names: str) -> list[float]:
        """The sum of all components but the named ones."""
        kept = [getattr(self, name) for name in ("trend", "season", "events") if name not in names]
        return [sum(values) for values in zip(*kept, strict=True)]


def _parts(y: Sequence[float], season_length: int, covered: Mapping[str, Sequence[float]]) -> _Parts:
    """The components of `y`; what is left of it is the residual."""
    known = [at for at, value in enumerate(y) if not math.isnan(value)]
    seasonal = season_length > 1 and len(known) >= 2 * season_length
    span = max(LEAST_SPAN, 3 * season_length // 2 | 1) if seasonal else max(LEAST_SPAN, len(y) // 2 | 1)
    season = season_length if seasonal else 0
    events = {name: shares for name, shares in covered.items() if _stands_out(shares, known, season)}
    parts = _first_guess(y, known, season_length if seasonal else 1)
    weights = _trust(_less(y, parts.without()), known)
    for _ in range(ROBUST_PASSES):
        for _ in range(INNER_PASSES):
            if seasonal:
                rest = _less(y, parts.without("season"))
                parts.season = _seasonal(rest, known, weights, season_length)
            parts.effects, parts.events = _event_effects(_less(y, parts.without("events")), known, events)
            rest = _less(y, parts.without("trend"))
            parts.trend = smooth([Point(at, rest[at], weights[at]) for at in known], len(y), span)
        weights = _trust(_less(y, parts.without()), known)
    return _shrunk(parts, known, events)


def _first_guess(y: Sequence[float], known: Sequence[int], length: int) -> _Parts:
    """Trend by a moving mean and season by medians: an outlier in averages would hide itself from the weights."""
    trend = _moving_mean(_filled(y, known), length)
    rest = _less(y, trend)
    usual = [median([rest[at] for at in known if at % length == place] or [0.0]) for place in range(length)]
    season = [usual[at % length] if length > 1 else 0.0 for at in range(len(y))]
    return _Parts(trend, season, [0.0] * len(y), {})


def _seasonal(rest: Sequence[float], known: Sequence[int], weights: Sequence[float], length: int) -> list[float]:
    """Each position's average over the neighbouring cycles; over any one season, nothing."""
    trusted = [0.0] * len(rest)
    for at in known:
        trusted[at] = max(weights[at], LEAST_WEIGHT)
    raw = []
    for at in range(len(rest)):
        total = weighted = 0.0
        for cycle, near in CYCLE_WEIGHTS:
            other = at + cycle * length
            if 0 <= other < len(rest) and trusted[other]:
                weight = trusted[other] * near
                total, weighted = total + weight, weighted + weight * rest[other]
        raw.append(weighted / total if total else 0.0)
    return _less(raw, _moving_mean(raw, length))


def _event_effects(
    rest: Sequence[float], known: Sequence[int], events: Mapping[str, Sequence[float]]
) -> tuple[dict[str, float], list[float]]:
    """What each event adds where it covers a period wholly, and what all add in each period.

    Least squares, an event after the other.
    """
    effects: dict[str, float] = {}
    total = [0.0] * len(rest)
    for name, shares in events.items():
        product = sum(shares[at] * (rest[at] - total[at]) for at in known)
        effects[name] = product / sum(shares[at] ** 2 for at in known)
        total = _plus(total, effects[name], shares)
    return effects, total


def _shrunk(parts: _Parts, known: Sequence[int], events: Mapping[str, Sequence[float]]) -> _Parts:
    """Effects as if each event had occurred once more without any: a single occurrence may have been chance."""
    total = [0.0] * len(parts.trend)
    effects = {}
    for name, shares in events.items():
        occurred = sum(shares[at] > 0 for at in known)
        effects[name] = parts.effects[name] * occurred / (occurred + 1)
        total = _plus(total, effects[name], shares)
    return replace(parts, effects=effects, events=total)


def _stands_out(shares: Sequence[float], known: Sequence[int], season_length: int) -> bool:
    """Whether an event can be told from the level, and from the season: one of every December is that season's."""
    touched = {at for at in known if shares[at] > 0}
    if not 0 < len(touched) <= SCARCE * len(known):
        return False
    positions = {at % season_length for at in touched} if season_length else set()
    return not season_length or any(at % season_length in positions and at not in touched for at in known)


def _trust(residual: Sequence[float], known: Sequence[int]) -> list[float]:
    """Bisquare weights: 1 where a value is explained, 0 from OUTLYING median residuals on."""
    limit = OUTLYING * median(abs(residual[at]) for at in known)
    if limit <= 0:
        return [1.0] * len(residual)
    shares = [min(abs(value) / limit, 1.0) if not math.isnan(value) else 1.0 for value in residual]
    return [(1.0 - share * share) ** 2 for share in shares]


def _moving_mean(values: Sequence[float], width: int) -> list[float]:
    """The mean of the `width` values around each, or of the first or last so many at the ends."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    width = min(width, len(values))
    starts = (min(max(at - width // 2, 0), len(values) - width) for at in range(len(values)))
    return [(sums[start + width] - sums[start]) / width for start in starts]


def _filled(y: Sequence[float], known: Sequence[int]) -> list[float]:
    """`y` with unknown values as their nearest known one."""
    return [value if not math.isnan(value) else y[min(known, key=lambda k: abs(k - at))] for at, value in enumerate(y)]


def _plus(values: Sequence[float], effect: float, shares: Sequence[float]) -> list[float]:
    return [value + effect * share for value, share in zip(values, shares, strict=True)]


def _less(values: Sequence[float], others: Sequence[float]) -> list[float]:
    return [value - other for value, other in zip(values, others, strict=True)]


def _of(y: Sequence[float], parts: _Parts, mode: Mode) -> Decomposition:
    """The components in units of the series."""
    trend, season, events, effects = parts.trend, parts.season, parts.events, parts.effects
    if mode == MULTIPLICATIVE:
        trend = [math.exp(value) for value in parts.trend]
        season = [level * math.expm1(value) for level, value in zip(trend, parts.season, strict=True)]
        usual = [level + value for level, value in zip(trend, season, strict=True)]
        events = [level * math.expm1(value) for level, value in zip(usual, parts.events, strict=True)]
        effects = {name: math.exp(value) for name, value in parts.effects.items()}
    explained = [sum(values) for values in zip(trend, season, events, strict=True)]
    return Decomposition(mode, tuple(trend), tuple(season), tuple(events), tuple(_less(y, explained)), effects)


def _unexplained(found: Decomposition) -> float:
    return sum(abs(value) for value in found.residual if not math.isnan(value))
