"""Quantiles of trend uncertainty plus noise, without simulated paths.

After the last period the slope changes at each step with probability p = min(1, S·d), by a Laplace draw of scale
b = mean|δ| (S changepoints, d the mean step in scaled time): what the library's `predict` simulates. A change at step i
moves the trend of step h by d·(h - i + ½) of it. With noise of standard deviation σ the characteristic function is

    φ_h(u) = exp(-σ²u²/2) · Π_{j=1..h} [1 - p + p / (1 + (b·d·(j - ½)·u)²)],

which grows by one factor a step. The distribution function follows from it by the midpoint rule (Gil-Pelaez 1951;
Davies 1973), whose error is the mass beyond the period 2π/Δ; Newton's method finds the quantile. It is symmetric around
the expected value, so that only upper quantiles are needed.
"""

# ruff: noqa: PLR0917 - compiled functions know positions only
from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.compiled import compiled

Floats = NDArray[np.float64]

BLUR = 1 / 1000
"""Least noise around paths that do change, relative to how far they may go; paths that do not keep their own noise."""
CLOSE = 1e-7
"""How close to its probability a quantile has to come."""
REUSED = 1.5
"""The grid of frequencies serves steps up to so many times the first one's."""


@compiled
def _trend_variance(scale: float, chance: float, step: int) -> float:
    """Of the trend at `step`: 2pc² Σ (j - ½)², c = b·d."""
    h = float(step)
    return 2.0 * chance * scale * scale * h * (4.0 * h * h - 1.0) / 12.0


@compiled
def _reach(sigma: float, scale: float, chance: float, step: int) -> float:
    """A distance that errors stay within but for one in some millions."""
    return 6.5 * sigma + 6.0 * math.sqrt(_trend_variance(scale, chance, step)) + 12.0 * scale * step


@compiled
def _start(spacing: float, scale: float, chance: float, step: int, out: Floats) -> None:
    """The characteristic function of the trend at `step`, at the frequencies (j + ½)·spacing."""
    for j in range(out.size):
        out[j] = 1.0
    for i in range(1, step + 1):
        _grow(spacing, scale, chance, i, out)


@compiled
def _grow(spacing: float, scale: float, chance: float, step: int, out: Floats) -> None:
    factor = scale * (step - 0.5) * spacing
    for j in range(out.size):
        z = factor * (j + 0.5)
        out[j] *= 1.0 - chance + chance / (1.0 + z * z)


@compiled
def _distribution(x: float, spacing: float, phi: Floats, still: float, sigma: float) -> tuple[float, float]:
    """Distribution function and density at `x`; the sines follow one another by rotation.

    `still` is the probability of a path without changes, where it is not part of `phi`; `sigma` is its noise.
    """
    cosine, sine = math.cos(0.5 * spacing * x), math.sin(0.5 * spacing * x)
    turn_c, turn_s = math.cos(spacing * x), math.sin(spacing * x)
    mass, density = 0.0, 0.0
    for j in range(phi.size):
        mass += sine * phi[j] / (j + 0.5)
        density += cosine * phi[j]
        cosine, sine = cosine * turn_c - sine * turn_s, sine * turn_c + cosine * turn_s
    mass, density = 0.5 + mass / math.pi, density * spacing / math.pi
    if still > 0.0:
        z = x / sigma
        mass += 0.5 * still * math.erf(z / math.sqrt(2.0))
        density += still * math.exp(-0.5 * z * z) / (sigma * math.sqrt(2.0 * math.pi))
    return mass, density


@compiled
def _quantile(share: float, guess: float, spacing: float, phi: Floats, still: float, sigma: float) -> float:
    """Where the distribution function reaches `share`: Newton's steps, halving where they leave the bracket."""
    low, high = 0.0, 3.0 / spacing
    x = min(guess, high)
    for _ in range(80):
        mass, density = _distribution(x, spacing, phi, still, sigma)
        gap = mass - share
        if abs(gap) <= CLOSE:
            break
        if gap > 0.0:
            high = x
        else:
            low = x
        x = x - gap / density if density > 0.0 else high
        if not low < x < high:
            x = 0.5 * (low + high)
    return x


@compiled
def series_offsets(
    sigma: float, scale: float, chance: float, factor: Floats, shares: Floats, normal: Floats, out: Floats
) -> None:
    """Distances of the upper quantiles `shares` from the expected value; `out` is (steps, quantiles).

    `scale` = b·d; `factor` (steps) multiplies the trend (multiplicative terms); `normal` are the normal distribution's
    quantiles for `shares`.
    """
    steps, last, spacing = factor.size, 0, 1.0
    trend, phi = np.empty(0), np.empty(0)
    for h in range(1, steps + 1):
        size = abs(factor[h - 1])
        spread = math.sqrt(_trend_variance(scale, chance, h))
        if spread * size <= 1e-5 * sigma:
            out[h - 1] = normal * sigma
            continue
        noise = max(sigma / size, BLUR * _reach(0.0, scale, chance, h))
        reach = _reach(noise, scale, chance, h)
        if last == 0 or h > REUSED * last or spacing * phi.size * noise < 5.5 or spacing * reach > 4.7:
            last = h
            end = min(int(np.ceil(h * REUSED)), steps)
            spacing = 2.0 * np.pi / (1.35 * _reach(noise, scale, chance, end))
            trend = np.empty(int(np.ceil(6.0 / (noise * spacing))))
            phi = np.empty(trend.size)
            _start(spacing, scale, chance, h, trend)
        else:
            _grow(spacing, scale, chance, h, trend)
        still = (1.0 - chance) ** h if noise * size > sigma * (1.0 + 1e-9) else 0.0
        for j in range(phi.size):
            u = (j + 0.5) * spacing * noise
            phi[j] = (trend[j] - still) * math.exp(-0.5 * u * u)
        deviation = np.sqrt(noise * noise + spread * spread)
        for q in range(shares.size):
            own = sigma / size
            out[h - 1, q] = size * _quantile(shares[q], normal[q] * deviation, spacing, phi, still, own)


@compiled
def block_offsets(
    sigma: Floats, scale: Floats, chance: float, factor: Floats, shares: Floats, normal: Floats, out: Floats
) -> None:
    """`series_offsets` for each series; `factor` is (B, steps) and `out` (B, steps, quantiles)."""
    for i in range(sigma.size):
        series_offsets(sigma[i], scale[i], chance, factor[i], shares, normal, out[i])
