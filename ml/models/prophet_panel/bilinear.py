"""The MAP estimate with multiplicative terms, series by series.

y = g·(1 + X_m β_m) + X_a β_a + noise, with the trend g = m + k·t + Hδ, is bilinear. Gauss-Newton: around the current
estimate it is y + g·s ≈ (1 + s)·[1, t, H]·(m, k, δ) + g·X_m β_m + X_a β_a, with s = X_m β_m, an additive model that
`solver` estimates exactly. A step is taken only as far as it lowers the true objective, which ends the search in a
minimum of it.
"""

# ruff: noqa: PLR0917 - compiled functions know positions only
from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.compiled import compiled
from ml.models.prophet_panel.solver import System, fit_series, noise_variance

Floats = NDArray[np.float64]

MOST_STEPS = 100
LEAST_GAIN = 1e-9
"""Of the objective: a step that gains less is the last one."""


@compiled
def turn(base: Floats, hinges: Floats, tau: float) -> tuple[System, Floats]:
    """The system of columns that are divided by their prior scale; θ = turn·(turned θ)."""
    _, vectors = np.linalg.eigh(np.dot(base.T, base))
    turned = np.dot(base, np.ascontiguousarray(vectors))
    spectrum = np.empty(base.shape[1])
    for p in range(spectrum.size):
        total = 0.0
        for i in range(base.shape[0]):
            total += turned[i, p] * turned[i, p]
        spectrum[p] = total
    features = np.empty((base.shape[0], base.shape[1] + hinges.shape[1]))
    features[:, : base.shape[1]] = turned
    features[:, base.shape[1] :] = hinges
    cross, square = np.dot(turned.T, hinges), np.dot(hinges.T, hinges)
    return System(features, spectrum, cross, square, tau), np.ascontiguousarray(vectors)


@compiled
def _product(features: Floats, coefficients: Floats, mask: NDArray[np.bool_], wanted: bool, out: Floats) -> None:
    out[:] = 0.0
    for i in range(out.size):
        for j in range(mask.size):
            if mask[j] == wanted:
                out[i] += features[i, j] * coefficients[j]


@compiled
def _objective(
    y: Floats,
    base: Floats,
    hinges: Floats,
    mask: NDArray[np.bool_],
    tau: float,
    point: Floats,
    trend: Floats,
    effect: Floats,
) -> tuple[float, float]:
    """Negative log posterior with the best noise variance, and that variance; fills trend and effect.

    `point` holds the scaled θ, then δ; the first columns of `base`, those without an entry in `mask`, are the trend's.
    """
    own, size = base.shape[1] - mask.size, hinges.shape[1]
    rss, penalty = 0.0, 0.0
    for i in range(y.size):
        trend[i], effect[i], added = 0.0, 0.0, 0.0
        for j in range(own):
            trend[i] += base[i, j] * point[j]
        for s in range(size):
            trend[i] += hinges[i, s] * point[base.shape[1] + s]
        for j in range(mask.size):
            part = base[i, own + j] * point[own + j]
            if mask[j]:
                effect[i] += part
            else:
                added += part
        rss += (y[i] - trend[i] * (1.0 + effect[i]) - added) ** 2
    for j in range(base.shape[1]):
        penalty += 0.5 * point[j] * point[j]
    for s in range(size):
        penalty += abs(point[base.shape[1] + s]) / tau
    variance = noise_variance(rss, y.size)
    return 0.5 * y.size * math.log(variance) + 0.5 * rss / variance + 2.0 * variance + penalty, variance


@compiled
def _start(y: Floats, base: Floats, hinges: Floats, mask: NDArray[np.bool_], tau: float, point: Floats) -> None:
    """From the additive model: its effects, relative to the trend's mean."""
    system, turned = turn(base, hinges, tau)
    fit_series(y, system, point)
    own, columns = base.shape[1] - mask.size, base.shape[1]
    point[:columns] = np.dot(turned, point[:columns])
    mean = 0.0
    for i in range(y.size):
        for j in range(own):
            mean += base[i, j] * point[j] / y.size
        for s in range(hinges.shape[1]):
            mean += hinges[i, s] * point[columns + s] / y.size
    for j in range(mask.size):
        if mask[j]:
            point[own + j] = point[own + j] / mean if abs(mean) > 1e-2 else 0.0


@compiled
def _linearise(
    y: Floats,
    base: Floats,
    hinges: Floats,
    mask: NDArray[np.bool_],
    trend: Floats,
    effect: Floats,
    response: Floats,
    columns: Floats,
    bends: Floats,
) -> None:
    own = base.shape[1] - mask.size
    for i in range(y.size):
        response[i] = y[i] + trend[i] * effect[i]
        for j in range(own):
            columns[i, j] = base[i, j] * (1.0 + effect[i])
        for j in range(mask.size):
            columns[i, own + j] = base[i, own + j] * (trend[i] if mask[j] else 1.0)
        for s in range(hinges.shape[1]):
            bends[i, s] = hinges[i, s] * (1.0 + effect[i])


@compiled
def fit_bilinear(y: Floats, base: Floats, hinges: Floats, mask: NDArray[np.bool_], tau: float, out: Floats) -> float:
    """Fit one series; `out` (P + S) takes scaled θ, then δ. Returns the noise variance.

    `base` (n, P): the trend's columns, then those of `mask` (K), which says what multiplies the trend; all times their
    prior scale. `hinges` is (n, S).
    """
    size = base.shape[1]
    trend, effect, response = np.empty(y.size), np.empty(y.size), np.empty(y.size)
    columns, bends, full, trial = np.empty_like(base), np.empty_like(hinges), np.empty_like(out), np.empty_like(out)
    _start(y, base, hinges, mask, tau, out)
    value, variance = _objective(y, base, hinges, mask, tau, out, trend, effect)
    for _ in range(MOST_STEPS):
        _linearise(y, base, hinges, mask, trend, effect, response, columns, bends)
        system, turned = turn(columns, bends, tau)
        fit_series(response, system, full)
        full[:size] = np.dot(turned, full[:size])
        share, gain = 1.0, 0.0
        for _ in range(30):
            trial[:] = out + share * (full - out)
            found, spread = _objective(y, base, hinges, mask, tau, trial, trend, effect)
            gain = value - found
            if gain > 0.0:
                out[:], value, variance = trial, found, spread
                break
            share *= 0.5
        if gain < LEAST_GAIN:
            break
    return variance


@compiled
def fit_bilinear_block(
    y: Floats, base: Floats, hinges: Floats, mask: NDArray[np.bool_], tau: float, out: Floats, variance: Floats
) -> None:
    """Fit each row of `y` (B, n); see `fit_bilinear`."""
    for i in range(y.shape[0]):
        variance[i] = fit_bilinear(y[i], base, hinges, mask, tau, out[i])
