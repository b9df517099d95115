"""The estimate is a minimum, whatever the design; quantiles are those of simulated paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from ml.models.prophet_panel.bilinear import fit_bilinear, turn
from ml.models.prophet_panel.quantiles import series_offsets
from ml.models.prophet_panel.solver import fit_series, noise_variance

pytestmark = pytest.mark.timeout(900)  # the first run on a machine compiles for some time

Floats = NDArray[np.float64]
SHARES = np.array([0.75, 0.9, 0.975])


def made(count: int, columns: int, bends: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """y, columns over their prior scale, hinges."""
    random = np.random.default_rng(seed)
    t = np.linspace(0, 1, count)
    base = np.column_stack([np.ones(count), t, random.normal(size=(count, columns))]) * 5.0
    hinges = np.maximum(t[:, None] - np.linspace(0, 0.8, bends + 1)[1:], 0.0)
    y = 0.5 + 0.3 * t + hinges @ random.laplace(0, 0.3, bends) + random.normal(0, 0.05, count)
    return y / np.abs(y).max(), base, hinges


def objective(y: Floats, base: Floats, hinges: Floats, theta: Floats, delta: Floats, *, tau: float) -> float:
    rss = ((y - base @ theta - hinges @ delta) ** 2).sum()
    v = noise_variance(rss, len(y))
    return len(y) / 2 * np.log(v) + rss / 2 / v + 2 * v + (theta**2).sum() / 2 + np.abs(delta).sum() / tau


@given(
    count=st.integers(40, 120),
    columns=st.integers(0, 12),
    bends=st.integers(0, 25),
    tau=st.sampled_from([0.005, 0.05, 0.5]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=40)
def test_nothing_near_the_estimate_is_better(count: int, columns: int, bends: int, tau: float, seed: int) -> None:
    y, base, hinges = made(count, columns, bends, seed)
    system, turned = turn(base, hinges, tau)
    out = np.empty(base.shape[1] + bends)
    variance = fit_series(y, system, out)
    theta, delta = turned @ out[: base.shape[1]], out[base.shape[1] :]
    best = objective(y, base, hinges, theta, delta, tau=tau)
    assert variance == pytest.approx(noise_variance(((y - base @ theta - hinges @ delta) ** 2).sum(), count), rel=1e-6)
    random = np.random.default_rng(seed)
    for size in (1e-3, 1e-5, 1e-7):
        for _ in range(20):
            moved = theta + random.normal(0, size, theta.shape), delta + random.normal(0, size, delta.shape)
            assert objective(y, base, hinges, *moved, tau=tau) >= best - 1e-9
        for s in range(bends):
            moved = delta.copy()
            moved[s] += size * random.choice([-1, 1])
            assert objective(y, base, hinges, theta, moved, tau=tau) >= best - 1e-9


def test_no_general_optimiser_finds_better() -> None:
    y, base, hinges = made(80, 6, 12, seed=3)
    system, turned = turn(base, hinges, 0.05)
    out = np.empty(base.shape[1] + 12)
    fit_series(y, system, out)
    size = base.shape[1]
    ours = objective(y, base, hinges, turned @ out[:size], out[size:], tau=0.05)

    def split(point: Floats) -> float:  # δ as a difference of two positive parts makes it smooth
        return objective(y, base, hinges, point[:size], point[size : size + 12] - point[size + 12 :], tau=0.05)

    start = np.concatenate([turned @ out[:size], np.maximum(out[size:], 0), np.maximum(-out[size:], 0)])
    bounds = [(None, None)] * size + [(0, None)] * 24
    for first in (np.full(len(start), 0.1), start):
        found = minimize(split, first, bounds=bounds, method="L-BFGS-B", options={"maxiter": 5000, "maxfun": 10**6})
        assert ours <= found.fun + 1e-6


def test_a_product_of_trend_and_season_is_found() -> None:
    t = np.linspace(0, 1, 200)
    season = np.column_stack([np.sin(20 * t), np.cos(20 * t)])
    base = np.column_stack([np.full(200, 5.0), 5 * t, 10 * season])
    random = np.random.default_rng(0)
    y = (0.5 + 0.4 * t) * (1 + season @ [0.2, -0.1]) + random.normal(0, 0.005, 200)
    out = np.empty(4)
    variance = fit_bilinear(y, base, np.empty((200, 0)), np.array([True, True]), 0.05, out)
    assert np.sqrt(variance) == pytest.approx(0.005, rel=0.2)
    assert out * [5, 5, 10, 10] == pytest.approx([0.5, 0.4, 0.2, -0.1], abs=0.01)


def offsets(sigma: float, scale: float, chance: float, steps: int, factor: float = 1.0) -> Floats:
    out = np.empty((steps, len(SHARES)))
    series_offsets(sigma, scale, chance, np.full(steps, factor), SHARES, norm.ppf(SHARES), out)
    return out


@pytest.mark.parametrize("factor", [1.0, -0.6])
@pytest.mark.parametrize(
    ("sigma", "scale", "chance"),
    [(1, 1e-4, 0.16), (1, 0.01, 0.16), (1, 0.2, 0.16), (1, 1, 0.01), (1, 0.1, 1.0), (1e-3, 1, 0.02), (1e-9, 0.1, 0.16)],
)
def test_quantiles_are_those_of_simulated_paths(sigma: float, scale: float, chance: float, factor: float) -> None:
    steps, paths = 20, 200_000
    random = np.random.default_rng(1)
    changes = random.laplace(0, scale, (paths, steps)) * (random.random((paths, steps)) < chance)
    trend = np.cumsum(np.cumsum(changes, axis=1), axis=1) - np.cumsum(changes, axis=1) / 2
    drawn = trend * factor + random.normal(0, sigma, (paths, steps))
    found = offsets(sigma, scale, chance, steps, factor)
    for place, share in enumerate(SHARES):
        below = (np.abs(drawn) <= found[:, place]).mean(axis=0)
        assert below == pytest.approx(2 * share - 1, abs=5 * np.sqrt(share * (1 - share) / paths) + 1e-4)


def test_without_changes_of_slope_quantiles_are_normal() -> None:
    assert offsets(2.0, 0.0, 0.2, 3) == pytest.approx(np.tile(2.0 * norm.ppf(SHARES), (3, 1)))


def test_quantiles_grow_with_the_step_and_do_not_cross() -> None:
    found = offsets(1.0, 0.05, 0.1, 400)
    assert (np.diff(found, axis=0) > -1e-5).all()
    assert (np.diff(found, axis=1) > 0).all()
