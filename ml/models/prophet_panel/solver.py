"""The MAP estimate of additive models that share their dates.

With noise variance v the estimate minimises |y - Zθ - Hδ|² / 2v + |θ|² / 2 + |δ|₁ / τ, where H holds the hinges of the
changepoints and Z everything else, divided by its prior scale and turned so that its columns are orthogonal, ZᵀZ = Λ.
Then θ = (Λ + v)⁻¹ Zᵀ(y - Hδ), and δ is the lasso of what remains: an active set takes up the changepoint that
violates its optimality condition most and drops the one whose sign would turn (feature-sign search, Lee et al. 2006).
Given the coefficients, v is the root of 4v² + nv = R, with R the sum of squared residuals (prior of σ: half-normal,
0.5). Both are repeated until v stays; the sequence comes from above, so that it ends in the first minimum there is.
"""

# ruff: noqa: PLR0917 - compiled functions know positions only
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class System(NamedTuple):
    """What series of the same dates share: n dates, P turned columns, S changepoints."""

    features: Floats
    """[Z|H] (n, P + S)."""
    spectrum: Floats
    """Λ (P)."""
    cross: Floats
    """ZᵀH (P, S)."""
    hinges: Floats
    """HᵀH (S, S)."""
    tau: float
    """The scale of the changepoints' prior."""


LEAST_VARIANCE = 1e-18
"""Of scaled values: (1e-9)², the noise that the library gives to constant series."""
SETTLED = 1e-8
"""Relative change of the variance that ends the search; the objective is off by its square."""
MOST_UPDATES = 400
EXACT = 1e-7
"""Share of the sum of squares below which that of residuals is computed from the residuals themselves."""
NOISELESS = 1e-6
"""Share of the mean square below which a variance is next to none."""
VIOLATED = 1e-10
"""How far beyond its bound, relatively, a gradient has to be."""


@compiled
def noise_variance(rss: float, count: float) -> float:
    """The root of 4v² + count·v = rss."""
    return max(2.0 * rss / (count + math.sqrt(count * count + 16.0 * rss)), LEAST_VARIANCE)


@compiled
def _solve_active(q: Floats, rhs: Floats, active: Ints, count: int, out: Floats) -> bool:
    """out = Q⁻¹ rhs over the active rows, by Cholesky; False where Q has no inverse."""
    low = np.empty((count, count))
    for i in range(count):
        for j in range(i + 1):
            total = q[j, active[i]]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i > j:
                low[i, j] = total / low[j, j]
            elif total > 1e-13 * q[i, active[i]]:
                low[i, i] = np.sqrt(total)
            else:
                return False
    for i in range(count):
        total = rhs[i]
        for k in range(i):
            total -= low[i, k] * out[k]
        out[i] = total / low[i, i]
    for i in range(count - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, count):
            total -= low[k, i] * out[k]
        out[i] = total / low[i, i]
    return True


@compiled
def _fill_row(row: Floats, system: System, weight: Floats, column: int) -> None:
    """row = HᵀM·h of that column."""
    cross, hinges = system.cross, system.hinges
    for s in range(row.size):
        row[s] = hinges[column, s]
    for p in range(weight.size):
        factor = weight[p] * cross[p, column]
        for s in range(row.size):
            row[s] -= factor * cross[p, s]


@compiled
def _step(delta: Floats, target: Floats, active: Ints, count: int) -> int:
    """Move the active coefficients to their target, or to where the first one reaches zero; -1, or its place."""
    share, hit = 1.0, -1
    for i in range(count):
        old, new = delta[active[i]], target[i]
        if old * new < 0.0 and old / (old - new) < share:
            share, hit = old / (old - new), i
    for i in range(count):
        delta[active[i]] += share * (target[i] - delta[active[i]])
    if hit >= 0:
        delta[active[hit]] = 0.0
    return hit


@compiled
def _drop(active: Ints, signs: Floats, q: Floats, count: int, place: int) -> int:
    for i in range(place, count - 1):
        active[i], signs[i] = active[i + 1], signs[i + 1]
        q[i] = q[i + 1]
    return count - 1


@compiled
def _worst(gradient: Floats, delta: Floats, banned: NDArray[np.bool_], bound: float) -> int:
    """The inactive changepoint whose gradient is farthest beyond its bound, or -1."""
    worst, most = -1, bound * (1.0 + VIOLATED)
    for s in range(gradient.size):
        if delta[s] == 0.0 and not banned[s] and abs(gradient[s]) > most:
            worst, most = s, abs(gradient[s])
    return worst


@compiled
def lasso(pull: Floats, system: System, weight: Floats, bound: float, delta: Floats, active: Ints, start: int) -> int:
    """Minimise δᵀQδ/2 - pullᵀδ + bound·|δ|₁ from the given δ and active set, in place; returns how many are active.

    `pull` (S) = HᵀMy, `weight` (P) = (Λ + v)⁻¹, Q = HᵀMH, where M takes out what Z explains.
    """
    size, count = delta.size, start
    q, signs, target = np.empty((size, size)), np.empty(size), np.empty(size)
    rhs, gradient, banned = np.empty(size), np.empty(size), np.zeros(size, dtype=np.bool_)
    for i in range(count):
        _fill_row(q[i], system, weight, active[i])
        signs[i] = np.sign(delta[active[i]])
    for _ in range(20 * size + 20):
        for i in range(count):
            rhs[i] = pull[active[i]] - bound * signs[i]
        solved = _solve_active(q, rhs, active, count, target)
        last = active[count - 1] if count > 0 else 0
        if count > 0 and (not solved or (delta[last] == 0.0 and target[count - 1] * signs[count - 1] <= 0.0)):
            banned[last] = True  # it depends on the others, or rounding alone had called for it
            delta[last] = 0.0
            count -= 1
            continue
        hit = _step(delta, target, active, count)
        if hit >= 0:
            count = _drop(active, signs, q, count, hit)
            continue
        gradient[:] = pull
        for i in range(count):
            for s in range(size):
                gradient[s] -= delta[active[i]] * q[i, s]
        worst = _worst(gradient, delta, banned, bound)
        if worst < 0:
            break
        active[count], signs[count] = worst, np.sign(gradient[worst])
        _fill_row(q[count], system, weight, worst)
        count += 1
    return count


@compiled
def _project(y: Floats, features: Floats, out: Floats) -> float:
    """out = featuresᵀy; returns yᵀy."""
    out[:] = 0.0
    total = 0.0
    for i in range(y.size):
        total += y[i] * y[i]
        for j in range(out.size):
            out[j] += y[i] * features[i, j]
    return total


@compiled
def _exact_rss(y: Floats, features: Floats, coefficients: Floats) -> float:
    total = 0.0
    for i in range(y.size):
        error = y[i]
        for j in range(coefficients.size):
            error -= features[i, j] * coefficients[j]
        total += error * error
    return total


@compiled
def _rss(square: float, moment: Floats, system: System, weight: Floats, variance: float, out: Floats) -> float:
    """Sum of squared residuals from `square` = yᵀy and `moment` = [Z|H]ᵀy; `out` holds δ after θ, which this sets."""
    cross, hinges = system.cross, system.hinges
    base, size = weight.size, hinges.shape[0]
    total = square
    for p in range(base):
        out[p] = moment[p]
    for s in range(size):
        delta = out[base + s]
        if delta != 0.0:
            total -= 2.0 * delta * moment[base + s]
            for r in range(size):
                total += delta * hinges[s, r] * out[base + r]
            for p in range(base):
                out[p] -= delta * cross[p, s]
    for p in range(base):
        total -= out[p] * out[p] * weight[p] * (1.0 + variance * weight[p])
        out[p] *= weight[p]
    return total


@compiled
def _settle(
    y: Floats, system: System, moment: Floats, square: float, start: float, slowest: float, out: Floats
) -> tuple[float, float]:
    """Alternate between coefficients and noise variance from `start` down; returns the variance and its objective.

    The objective is infinite where the variance would rise from `start`. The next variance follows from the secant of
    the last two gaps, whose slope counts as `slowest` at least: 1 takes plain steps, which cannot leap over a minimum.
    Of all variances tried, the one with the least objective counts.
    """
    base, size = system.cross.shape
    weight, pull, point = np.empty(base), np.empty(size), np.zeros(base + size)
    active, count = np.empty(size, dtype=np.int64), 0
    best, least = LEAST_VARIANCE, np.inf
    variance, low, before, gap_before = start, 0.0, 0.0, 0.0
    for _ in range(MOST_UPDATES):
        weight[:] = 1.0 / (system.spectrum + variance)
        _pull(moment, system, weight, pull)
        count = lasso(pull, system, weight, variance / system.tau, point[base:], active, count)
        rss = _rss(square, moment, system, weight, variance, point)
        if rss < EXACT * square:
            rss = _exact_rss(y, system.features, point)
        found = noise_variance(rss, y.size)
        value = _objective(rss, found, y.size, point, base, system.tau)
        if value < least:
            best, least = found, value
            out[:] = point
        gap = variance - found
        if before == 0.0 and gap < 0.0:
            return start, np.inf
        if abs(gap) <= SETTLED * variance:
            break
        low = max(low, variance) if gap < 0.0 else low
        slope = 1.0
        if before > 0.0 and variance != before:
            slope = min(max((gap - gap_before) / (variance - before), slowest), 1.0)
        before, gap_before = variance, gap
        variance = max(variance - gap / slope, 0.25 * found, LEAST_VARIANCE)
        if variance < low < before:
            variance = math.sqrt(low * before)
    return best, least


@compiled
def _pull(moment: Floats, system: System, weight: Floats, out: Floats) -> None:
    """out = HᵀMy."""
    base, size = system.cross.shape
    for s in range(size):
        out[s] = moment[base + s]
    for p in range(base):
        factor = weight[p] * moment[p]
        for s in range(size):
            out[s] -= factor * system.cross[p, s]


@compiled
def _objective(rss: float, variance: float, count: int, point: Floats, base: int, tau: float) -> float:
    """The negative log posterior, up to a constant."""
    value = 0.5 * count * math.log(variance) + 0.5 * rss / variance + 2.0 * variance
    for p in range(base):
        value += 0.5 * point[p] * point[p]
    for s in range(base, point.size):
        value += abs(point[s]) / tau
    return value


@compiled
def fit_series(y: Floats, system: System, out: Floats) -> float:
    """Fit one series; `out` (P + S) takes θ and δ. Returns the noise variance.

    Where columns are nearly as many as values, the objective may have several minima, and fall without end as the noise
    vanishes. The best minimum with noise counts, and the end without noise only where there is no other.
    """
    moment = np.empty(system.features.shape[1])
    square = _project(y, system.features, moment)
    most, least = noise_variance(square, y.size), NOISELESS * square / y.size
    variance, value = _settle(y, system, moment, square, most, 0.2, out)
    if y.size >= 2 * moment.size or square == 0.0:
        return variance
    other = np.empty_like(out)
    if variance < least:
        again, found = _settle(y, system, moment, square, most, 1.0, other)
        if again > least or found < value:
            variance, value = again, found
            out[:] = other
    start = 0.5 * variance
    while start > least:
        again, found = _settle(y, system, moment, square, start, 1.0, other)
        if least < again and found < value:
            variance, value = again, found
            out[:] = other
        start *= 0.5
    return variance


@compiled
def fit_block(y: Floats, system: System, out: Floats, variance: Floats) -> None:
    """Fit each row of `y` (B, n) into the rows of `out` (B, P + S) and `variance` (B); see `fit_series`."""
    for i in range(y.shape[0]):
        variance[i] = fit_series(y[i], system, out[i])
