"""Drift: whether the errors of issued forecasts are still those that the backtest promised.

Season-aware in two ways: errors are shares of what was sold, and where seasonal naive forecasts of the very same
periods err more than they did in the backtest, so may the model. Noise is deducted before anything is said: what is
left of the ratio of errors counts (the lower end of a Student t interval over periods), not the ratio itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

OK, WATCH, RETRAIN = VERDICTS = ("ok", "watch", "retrain")
"""In the order of how serious they are."""
FEWEST_PERIODS = 3
"""Periods with actuals below which nothing is said."""
WATCH_RATIO, RETRAIN_RATIO = 1.2, 1.5
"""Errors times what was promised that are worth a look, and a training."""
SURE_RETRAIN = 1.25
"""And what has to be left of the ratio, its noise deducted, for a training; for a look, more than 1."""
SURENESS = 0.95
LEAST_PROMISE = 0.02
"""A backtest that promised smaller errors, as shares of volume, promised too much to be held to it."""
LEAST_BIAS = 0.1
BAND = 0.8
WIDE_MISS = 0.2
"""Coverage of the 80 % band below its promise by so much is worth a look."""
FEWEST_ROWS = 30
"""Forecasts with actuals below which their coverage says nothing."""


@dataclass(frozen=True)
class Promise:
    """What the backtest found at a level: WAPE of the model, and of seasonal naive where it was tried."""

    wape: float
    naive: float | None = None


@dataclass(frozen=True)
class Finding:
    """A verdict and why, in words."""

    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class LevelDrift:
    """The errors of a level: `wape` of the issued forecasts over `periods` periods and `rows` forecasts, `expected`
    what the backtest promised for periods as hard as these, `ratio` of the two and `sure` what is left of it without
    noise (None below FEWEST_PERIODS); `bias` is (forecast - actual) / actual, `coverage` the share within P10 to P90.
    """

    level: str
    periods: int
    rows: int
    wape: float
    promised: float
    expected: float
    ratio: float
    sure: float | None
    bias: float
    coverage: float
    verdict: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "reasons": list(self.reasons)}


def judge_errors(frame: pd.DataFrame, promises: Mapping[str, Promise]) -> list[LevelDrift]:
    """Judge each level of `frame` that has a promise and sold anything.

    `frame` has a row per level and period: `level, ds`, the sums `error` |forecast - actual|, `over` (forecast -
    actual), `volume` |actual| and `naive` |seasonal naive - actual| (NaN where not known), and the counts `inside`
    (within P10 to P90) and `rows`.
    """
    found = []
    for level, rows in frame.groupby("level", sort=True):
        if str(level) in promises and rows["volume"].sum() > 0:
            found.append(_judge_level(str(level), rows, promises[str(level)]))
    return found


def worst(verdicts: Iterable[str]) -> str:
    """The most serious of some verdicts; ok where there is none."""
    return max(verdicts, key=VERDICTS.index, default=OK)


def conclude(levels: list[LevelDrift], inputs: Finding) -> Finding:
    """The verdict over all: the worst of the levels and of the inputs. Where both are to be watched, a training is due:
    sales have changed, and the model does not follow."""
    errors = worst(level.verdict for level in levels)
    verdict = RETRAIN if errors == WATCH and inputs.verdict == WATCH else worst((errors, inputs.verdict))
    reasons = tuple(f"{level.level}: {reason}" for level in levels for reason in level.reasons)
    if not levels:
        reasons = ("no period is known yet that this model had forecast",)
    elif all(level.sure is None for level in levels):
        reasons = (f"fewer than {FEWEST_PERIODS} periods are known yet that this model had forecast",)
    return Finding(verdict, (*reasons, *inputs.reasons))


def _judge_level(level: str, rows: pd.DataFrame, promise: Promise) -> LevelDrift:
    volume, error = float(rows["volume"].sum()), float(rows["error"].sum())
    promised = max(promise.wape, LEAST_PROMISE)
    expected = promised * _hardness(rows, promise.naive)
    wape, bias = error / volume, float(rows["over"].sum()) / volume
    count, coverage = int(rows["rows"].sum()), float(rows["inside"].sum() / rows["rows"].sum())
    ratios = rows.loc[rows["volume"] > 0, "error"] / (rows.loc[rows["volume"] > 0, "volume"] * expected)
    ratio, sure = wape / expected, _lower_end(wape / expected, ratios.to_numpy(dtype=np.float64))
    findings = [] if sure is None else [
        _of_errors(wape, promised, expected, ratio, sure),
        _of_bias(rows, bias, expected),
        _of_coverage(coverage, count),
    ]  # fmt: skip
    return LevelDrift(
        level, len(rows), count, wape, promised, expected, ratio, sure, bias, coverage,
        worst(one.verdict for one in findings), tuple(reason for one in findings for reason in one.reasons),
    )  # fmt: skip


def _hardness(rows: pd.DataFrame, promised: float | None) -> float:
    """How much more seasonal naive errs in these periods than in the backtest; easier ones are no harder promise."""
    known = rows[rows["naive"].notna()]
    volume = float(known["volume"].sum())
    if not promised or volume <= 0:
        return 1.0
    return max(1.0, float(known["naive"].sum()) / volume / max(promised, LEAST_PROMISE))


def _lower_end(ratio: float, ratios: Floats) -> float | None:
    """The ratio less its noise, judged by how it differs from period to period."""
    if len(ratios) < FEWEST_PERIODS:
        return None
    noise = float(np.std(ratios, ddof=1)) / np.sqrt(len(ratios))
    return float(ratio - stats.t.ppf(SURENESS, df=len(ratios) - 1) * noise)


def _of_errors(wape: float, promised: float, expected: float, ratio: float, sure: float) -> Finding:
    verdict = OK
    if ratio >= WATCH_RATIO and sure > 1:
        verdict = RETRAIN if ratio >= RETRAIN_RATIO and sure >= SURE_RETRAIN else WATCH
    if verdict == OK:
        return Finding(OK, ())
    harder = f" and {expected:.1%} were to be expected of periods as hard as these" if expected > promised else ""
    text = f"forecasts are off by {wape:.1%} of sales, where the backtest promised {promised:.1%}{harder}"
    return Finding(verdict, (f"{text} ({ratio:.1f} times, at least {sure:.1f} with noise deducted)",))


def _of_bias(rows: pd.DataFrame, bias: float, expected: float) -> Finding:
    """A bias counts where it is as large as the error that was to be expected, the same way in every period."""
    one_way = (np.sign(rows["over"]) == np.sign(bias)).all()
    if abs(bias) < max(LEAST_BIAS, expected) or not one_way:
        return Finding(OK, ())
    way = "more" if bias > 0 else "less"
    return Finding(WATCH, (f"{abs(bias):.1%} {way} was forecast than sold, in each of {len(rows)} periods",))


def _of_coverage(coverage: float, count: int) -> Finding:
    if count < FEWEST_ROWS or coverage >= BAND - WIDE_MISS:
        return Finding(OK, ())
    return Finding(WATCH, (f"{coverage:.0%} of actuals lie within the 80% band (P10 to P90)",))
