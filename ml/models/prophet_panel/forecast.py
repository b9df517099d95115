"""What a group's estimates say about other days: the trend, each component, and how uncertain the sum is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ml.models.prophet_panel.compiled import compiled
from ml.models.prophet_panel.design import Days, Design
from ml.models.prophet_panel.estimates import Estimates
from ml.models.prophet_panel.quantiles import block_offsets

Floats = NDArray[np.float64]


@compiled
def weighted_sums(coefficients: Floats, features: Floats, out: Floats) -> None:
    """out (N, H) += coefficients (N, K) · features (K, H), each row for itself."""
    for i in range(out.shape[0]):
        for k in range(features.shape[0]):
            for h in range(out.shape[1]):
                out[i, h] += coefficients[i, k] * features[k, h]


@dataclass(frozen=True)
class Terms:
    """The parts of the expected value in the units of y, (N, H): trend·(1 + multiplicative) + additive."""

    trend: Floats
    additive: Floats
    multiplicative: Floats

    @property
    def mean(self) -> Floats:
        """The expected value."""
        return self.trend * (1.0 + self.multiplicative) + self.additive


def terms(design: Design, estimates: Estimates, days: Days, values: Floats) -> Terms:
    """Evaluate the model on `days` (H), with the inputs `values` (N, H, inputs) as they are known for each series."""
    scale = estimates.scale[:, None]
    additive, multiplicative = ~design.multiplicative, design.multiplicative
    return Terms(
        trend(design, estimates, days),
        effect(design, estimates, days, values, additive) * scale,
        effect(design, estimates, days, values, multiplicative),
    )


def trend(design: Design, estimates: Estimates, days: Days) -> Floats:
    """The trend (N, H) in the units of y."""
    time = design.time(days)
    out = estimates.k[:, None] * time + estimates.m[:, None]
    weighted_sums(estimates.delta, np.ascontiguousarray(np.maximum(time - design.hinges[:, None], 0.0)), out)
    return out * estimates.scale[:, None] + estimates.floor[:, None]


def effect(design: Design, estimates: Estimates, days: Days, values: Floats, columns: NDArray[np.bool_]) -> Floats:
    """The sum (N, H) of the chosen columns, in scaled units."""
    out = np.zeros((len(estimates.m), len(days)))
    if not columns.any():
        return out
    shared = design.calendar(days)
    for place in (-1, *range(len(design.options.regressors), values.shape[2])):
        chosen = np.flatnonzero(columns[: shared.shape[1]] & (design.condition[: shared.shape[1]] == place))
        part = out if place < 0 else np.zeros_like(out)
        weighted_sums(np.ascontiguousarray(estimates.beta[:, chosen]), np.ascontiguousarray(shared[:, chosen].T), part)
        if place >= 0:
            out += part * values[:, :, place]
    own = design.regressors(values)
    for place in np.flatnonzero(columns[shared.shape[1] :]):
        out += estimates.beta[:, shared.shape[1] + place, None] * own[:, :, place]
    return out


def components(design: Design, estimates: Estimates, days: Days, values: Floats) -> dict[str, Floats]:
    """Each component (N, H) by name, as `Prophet.predict` has them.

    Additive ones and the trend are in the units of y, multiplicative ones are shares of the trend.
    """
    found = terms(design, estimates, days, values)
    out = {"trend": found.trend, "additive_terms": found.additive, "multiplicative_terms": found.multiplicative}
    for name, columns in design.components.items():
        unit = 1.0 if design.multiplicative[columns].any() else estimates.scale[:, None]
        out[name] = effect(design, estimates, days, values, columns) * unit
    return {**out, "yhat": found.mean}


def step_length(design: Design, days: Days) -> float:
    """The mean step of the future in scaled time; that of the history where there is one future day only."""
    future = days[days > design.start + design.span]
    if len(future) > 1:
        return float(future[-1] - future[0]) / (len(future) - 1) / design.span
    return 1.0 / (design.count - 1)


def chance_of_change(design: Design, step: float) -> float:
    """The probability that the slope changes within a step."""
    return min(1.0, max(len(design.changepoints), 1) * step)


def offsets(
    design: Design, estimates: Estimates, days: Days, multiplicative: Floats, shares: Sequence[float]
) -> Floats:
    """Distances (N, H, quantiles) of the upper quantiles `shares` from the expected value, in the units of y.

    `days` ascend and hold each step after the last observed one up to the horizon: uncertainty grows with each.
    """
    normal = ndtri(np.asarray(shares, dtype=np.float64))
    future = days > design.start + design.span
    out = np.empty((len(estimates.m), len(days), len(shares)))
    out[:, ~future] = estimates.sigma[:, None, None] * normal
    step = step_length(design, days)
    slopes = np.zeros(len(estimates.m)) if design.options.growth == "flat" else estimates.slopes * step
    ahead = np.empty((len(out), int(future.sum()), len(shares)))
    factor = np.ascontiguousarray(1.0 + multiplicative[:, future])
    block_offsets(estimates.sigma, slopes, chance_of_change(design, step), factor, np.asarray(shares), normal, ahead)
    out[:, future] = ahead
    return out * estimates.scale[:, None, None]
