"""Estimates of a group: series observed on the same days, with the same regressors and holidays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.bilinear import fit_bilinear_block
from ml.models.prophet_panel.design import TREND_PRIOR, Days, Design
from ml.models.prophet_panel.solver import LEAST_VARIANCE, System, fit_block

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimates:
    """Coefficients of N series in scaled units: `y = floor + scale·(m + k·t + Σ δ·max(t - s, 0) + …)`.

    `m`, `k`, `sigma` (noise), `scale`, `floor` are (N); `delta` (N, S) belongs to the design's changepoints, `beta`
    (N, K) to its columns.
    """

    m: Floats
    k: Floats
    delta: Floats
    beta: Floats
    sigma: Floats
    scale: Floats
    floor: Floats

    @property
    def slopes(self) -> Floats:
        """How much the slope changed at a changepoint on average, (N), with the library's epsilon."""
        count = max(self.delta.shape[1], 1)
        return np.asarray(np.abs(self.delta).sum(axis=1) / count + 1e-8, dtype=np.float64)

    @staticmethod
    def join(parts: list[Estimates]) -> Estimates:
        """The rows of all parts, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return Estimates(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))


FIELDS = ("m", "k", "delta", "beta", "sigma", "scale", "floor")


@dataclass(frozen=True)
class Problem:
    """What a group's series share when they are estimated; `base` (n, P) is divided by nothing but the prior."""

    design: Design
    base: Floats
    hinges: Floats
    system: System | None
    turned: Floats

    @classmethod
    def of(cls, design: Design, days: Days, values: Floats) -> Problem:
        """For series observed on `days` (n), with the observed inputs `values` (n, inputs)."""
        time = design.time(days)
        trend = [np.ones_like(time)] if design.options.growth == "flat" else [np.ones_like(time), time]
        scales = np.concatenate([np.full(len(trend), TREND_PRIOR), design.prior])
        features = [np.stack(trend, axis=1), design.features(days, values)]
        base = np.ascontiguousarray(np.concatenate(features, axis=1) * scales)
        hinges = np.maximum(time[:, None] - design.hinges, 0.0)
        system, turned = None, np.empty((0, 0))
        if not design.multiplicative.any():
            system, turned = turn_columns(base, hinges, design.options.changepoint_prior_scale)
        return cls(design, base, hinges, system, turned)

    def estimate(self, y: Floats) -> Estimates:
        """Estimate the series in the rows of `y` (N, n), in its own units, without missing values."""
        floor, scale = scaling(y, self.design.options.scaling)
        scaled = np.ascontiguousarray((y - floor[:, None]) / scale[:, None])
        theta, delta, variance = self._solve(scaled)
        steady = y.min(axis=1) == y.max(axis=1)
        theta[steady], delta[steady], variance[steady] = 0.0, 0.0, LEAST_VARIANCE  # as the library does
        theta[steady, 0] = scaled[steady, 0]
        own = self.base.shape[1] - len(self.design.columns)
        k = theta[:, 1].copy() if own == 2 else np.zeros(len(y))
        return Estimates(theta[:, 0].copy(), k, delta, theta[:, own:].copy(), np.sqrt(variance), scale, floor)

    def _solve(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """θ in units of the columns, δ, and the noise variance."""
        size = self.base.shape[1]
        out, variance = np.empty((len(y), size + self.hinges.shape[1])), np.empty(len(y))
        if self.system is None:
            tau = self.design.options.changepoint_prior_scale
            fit_bilinear_block(y, self.base, self.hinges, self.design.multiplicative, tau, out, variance)
            theta = out[:, :size].copy()
        else:
            fit_block(y, self.system, out, variance)
            theta = np.zeros((len(y), size))
            for column in range(size):  # a product of matrices would round by how many series there are
                theta += out[:, column, None] * self.turned[:, column]
        own = size - len(self.design.columns)
        theta *= np.concatenate([np.full(own, TREND_PRIOR), self.design.prior])
        return theta, out[:, size:].copy(), variance


def turn_columns(base: Floats, hinges: Floats, tau: float) -> tuple[System, Floats]:
    """`bilinear.turn` for a whole group, where it need not be compiled."""
    vectors = np.linalg.eigh(base.T @ base)[1]
    turned = base @ vectors
    features = np.concatenate([turned, hinges], axis=1)
    return System(features, (turned**2).sum(axis=0), turned.T @ hinges, hinges.T @ hinges, tau), vectors


def scaling(y: Floats, how: str) -> tuple[Floats, Floats]:
    """What to subtract from each row and to divide it by."""
    if how == "minmax":
        floor = y.min(axis=1)
        scale = y.max(axis=1) - floor
    else:
        floor, scale = np.zeros(len(y)), np.abs(y).max(axis=1)
    return floor, np.where(scale == 0.0, 1.0, scale)
