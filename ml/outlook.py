"""The plain answer that many callers want: what comes next, how sure that is, and whether it is less than before.

Plain Python over the figures of one series, so that pages and the API answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml.errors import DataError
from ml.quantiles import LEVELS, tail_name, tails

AHEAD = 3
"""Periods over which a fall has to last to be a downturn: one low period is none."""
LEAST_FALL = 0.05
"""Smaller falls are ups and downs."""
LIKELY = 0.75
"""The probability of selling less than the reference from which a downturn is warned of."""
SHARES = tails(LEVELS)
QUANTILES = [tail_name(share) for share in SHARES]


@dataclass(frozen=True)
class Expected:
    """The forecast of one period: its mean, and the values of QUANTILES in their order."""

    mean: float
    quantiles: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The value of one of SHARES."""
        return self.quantiles[SHARES.index(share)]


@dataclass(frozen=True)
class HoldOut:
    """Errors on periods that the model had not seen: mean absolute error, mean of the actuals, and where it is from."""

    mae: float
    mean: float
    source: str

    @property
    def accuracy(self) -> float | None:
        """max(0, 100 - 100 * MAE / mean), in percent; None where nothing was sold."""
        return max(0.0, 100.0 - 100.0 * self.mae / self.mean) if self.mean > 0 else None


@dataclass(frozen=True)
class Downturn:
    """Whether less is to be expected than before. `reference` is what the next period is compared with (see
    `season_before`), `change` the relative change over the next periods, `probability` that of selling less than the
    reference in the next one. `message` says it in words where it is `likely`."""

    likely: bool
    probability: float
    change: float
    reference: float
    season_before: bool
    message: str = ""


@dataclass(frozen=True)
class SimpleOutlook:
    """The next period: `expected` sales, `low` to `high` with `confidence` percent probability, and the relative
    `growth` against the last complete period (None after a period without sales). `accuracy` is in percent, from
    `accuracy_source`; `downturn` is None where there is nothing to compare with."""

    expected: float
    low: float
    high: float
    confidence: int
    last: float | None
    growth: float | None
    downturn: Downturn | None
    accuracy: float | None
    accuracy_source: str


def simple_outlook(
    history: Sequence[float],
    forecast: Sequence[Expected],
    season_length: int,
    unit: str,
    *,
    hold_out: HoldOut | None = None,
    confidence: int = 80,
) -> SimpleOutlook:
    """Sum up a forecast that follows `history` (complete periods, oldest first).

    `unit` names a period: 'month'. Raises DataError without a forecast and for a confidence that has no band.
    """
    if not forecast:
        raise DataError("there is no forecast to sum up; expected that of at least the next period.")
    if confidence not in LEVELS:
        raise DataError(f"the confidence is {confidence}; expected one of {', '.join(map(str, LEVELS))} (percent).")
    low, high = (round(0.5 + sign * confidence / 200, 6) for sign in (-1, 1))
    following, last = forecast[0], history[-1] if history else None
    return SimpleOutlook(
        expected=following.mean,
        low=following.quantile(low),
        high=following.quantile(high),
        confidence=confidence,
        last=last,
        growth=following.mean / last - 1 if last and last > 0 else None,
        downturn=judge_downturn(history, forecast, season_length, unit),
        accuracy=hold_out.accuracy if hold_out else None,
        accuracy_source=hold_out.source if hold_out else "",
    )


def judge_downturn(
    history: Sequence[float], forecast: Sequence[Expected], season_length: int, unit: str
) -> Downturn | None:
    """Compare the next periods with the same ones of the season before, or where those are not known (or sold nothing)
    with the mean of the last periods. None where that is nothing, too."""
    steps = min(AHEAD, len(forecast), season_length)
    before = list(history[-season_length:][:steps]) if len(history) >= season_length else []
    seasonal = len(before) == steps and min(before) > 0
    if not seasonal:
        recent = history[-AHEAD:]
        before = [sum(recent) / len(recent)] * steps if recent else []
    if sum(before) <= 0:
        return None
    change = sum(one.mean for one in forecast[:steps]) / sum(before) - 1
    probability = probability_below(forecast[0], before[0])
    likely = probability >= LIKELY and change <= -LEAST_FALL and forecast[0].mean <= (1 - LEAST_FALL) * before[0]
    found = Downturn(likely, probability, change, before[0], seasonal)
    return found if not likely else Downturn(**{**vars(found), "message": _warning(found, steps, unit)})


def probability_below(expected: Expected, value: float) -> float:
    """The probability of selling less than `value`, on the line between the quantiles; beyond them that of the last."""
    if value <= expected.quantiles[0]:
        return SHARES[0]
    for (share, low), (next_share, high) in pairwise(zip(SHARES, expected.quantiles, strict=True)):
        if low < value <= high:
            return share + (next_share - share) * (value - low) / (high - low)
    return SHARES[-1]


def _warning(found: Downturn, steps: int, unit: str) -> str:
    """A likely downturn in words."""
    ahead = f"the next {steps} {unit}s" if steps > 1 else f"the next {unit}"
    than = f"the same {unit}s a season before" if found.season_before else f"the mean of the last {unit}s"
    return (
        f"A downturn is likely: over {ahead} {abs(found.change):.0%} less is expected than {than}, and the next {unit} "
        f"sells less than that with a probability of {found.probability:.0%}."
    )
