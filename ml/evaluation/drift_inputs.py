"""Input drift: whether sales and known figures still look as they did when the model learned from them.

Distributions are compared by the population stability index (Siddiqi 2006: below 0.1 the same, above 0.25 another one),
season-aware: with the same season's periods, and as changes on the season before. An index that noise alone may reach
(Yurdakul 2018: chi-square times (1/n + 1/m)) counts for nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ml.evaluation.drift import OK, RETRAIN, WATCH, Finding, worst
from ml.panel import Panel
from ml.periods import period_number

Floats = NDArray[np.float64]

BINS = 10
OTHER = 0.25
"""An index from which a distribution is another one."""
LEAST_SHARE = 1e-4
"""An empty bin counts as this share, or its logarithm would be infinite."""
FEWEST_PERIODS = 2
"""Newer periods below which nothing is compared."""
FEWEST_VALUES = 50
NEW_WATCH, NEW_RETRAIN = 0.1, 0.25
"""Shares of sales by series that the model has never seen."""
CUSHION = 0.1
"""Changes are of sales plus this share of the series' size: from nothing to something is large, not endless."""


@dataclass(frozen=True)
class InputDrift:
    """How far one input is from what was learned: `psi`, and the index that noise reaches in one of twenty cases."""

    name: str
    psi: float
    noise: float

    @property
    def drifted(self) -> bool:
        """Whether it is another distribution by now."""
        return self.psi >= OTHER and self.psi > self.noise

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def stability_index(learned: Floats, now: Floats) -> tuple[float, float]:
    """The population stability index between two samples, and what noise reaches in one of twenty cases.

    Sum over bins of (now - learned) * ln(now / learned), with bins at the learned sample's deciles.
    """
    edges = np.unique(np.quantile(learned, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = len(edges) + 1
    before, after = (
        np.maximum(np.bincount(np.searchsorted(edges, sample), minlength=bins) / len(sample), LEAST_SHARE)
        for sample in (learned, now)
    )
    noise = stats.chi2.ppf(0.95, df=bins - 1) * (1 / len(learned) + 1 / len(now)) if bins > 1 else 0.0
    return float(np.sum((after - before) * np.log(after / before))), float(noise)


def compare_inputs(panel: Panel, learned_to: pd.Timestamp) -> list[InputDrift]:
    """Compare the periods after `learned_to`, a season at most, with those up to it.

    - `sales`: in units of the series' size, with the same season's periods;
    - `change on a season before`: its logarithm;
    - each known column by its name, with the same season's periods.

    Empty where fewer than FEWEST_PERIODS are newer, and without what was not seen often enough.
    """
    wide, season = panel.wide, panel.season_length
    learned = period_number(learned_to, panel.freq) - int(wide.numbers[0]) + 1
    count = len(wide.numbers)
    if not 0 < learned <= count - FEWEST_PERIODS:
        return []
    now = np.arange(max(learned, count - season), count)
    alike = np.flatnonzero(np.isin(np.arange(learned) % season, now % season))
    size = _sizes(wide.y[:, max(0, learned - season) : learned])
    scaled = wide.y / size[:, None]
    samples = [("sales", scaled[:, alike], scaled[:, now])]
    if learned > season:
        change = np.log(np.maximum(scaled[:, season:], 0) + CUSHION) - np.log(
            np.maximum(scaled[:, :-season], 0) + CUSHION
        )
        samples.append(("change on a season before", change[:, : learned - season], change[:, now - season]))
    samples += [(name, values[:, alike], values[:, now]) for name, values in wide.known.items()]
    found = []
    for name, before, after in samples:
        ours, theirs = before[np.isfinite(before)], after[np.isfinite(after)]
        if min(len(ours), len(theirs)) >= FEWEST_VALUES:
            found.append(InputDrift(name, *stability_index(ours, theirs)))
    return found


def new_share(panel: Panel, learned_to: pd.Timestamp) -> float:
    """The share of sales after `learned_to` by series that began after it."""
    learned = period_number(learned_to, panel.freq) - int(panel.wide.numbers[0]) + 1
    later = np.nansum(np.maximum(panel.wide.y[:, max(learned, 0) :], 0), axis=1)
    return float(later[panel.wide.first >= learned].sum() / later.sum()) if later.sum() > 0 else 0.0


def judge_inputs(inputs: list[InputDrift], new: float) -> Finding:
    """Other inputs are to be watched: as long as errors hold, they are no reason to train. Many new series are."""
    reasons = [
        f"{one.name} is distributed otherwise than where the model learned (stability index {one.psi:.2f}; "
        f"{OTHER} or more is another distribution)"
        for one in inputs
        if one.drifted
    ]
    verdicts = [WATCH] * bool(reasons)
    if new >= NEW_WATCH:
        reasons.append(f"{new:.0%} of sales are by series that the model never saw")
        verdicts.append(RETRAIN if new >= NEW_RETRAIN else WATCH)
    return Finding(worst(verdicts) if verdicts else OK, tuple(reasons))


def _sizes(y: Floats) -> Floats:
    """Mean absolute value of each series over the last season learned; NaN for series that sold nothing in it."""
    known = np.isfinite(y)
    size = np.nansum(np.abs(y), axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(size > 0, size, np.nan)
