"""Lags and rolling statistics of all series at once, the same code for training and for the next period.

Everything works on a (series, periods) matrix with NaN before a series starts and returns matrices
for its last `count` periods, where the very last one is the period that follows the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LagSpec:
    """Which past periods are looked at: single lags, and windows that end one period before."""

    lags: tuple[int, ...]
    means: tuple[int, ...] = ()
    deviations: tuple[int, ...] = ()
    seasonal_means: tuple[tuple[int, int], ...] = ()
    """Pairs (season, how many): the mean of the same season's last so many values."""

    @property
    def reach(self) -> int:
        """How many past periods the next one needs."""
        seasonal = [season * times for season, times in self.seasonal_means]
        return max([*self.lags, *self.means, *self.deviations, *seasonal])

    @property
    def names(self) -> list[str]:
        """The features' names, in the order in which they are computed."""
        return [
            *(f"lag{lag}" for lag in self.lags),
            *(f"mean{window}" for window in self.means),
            *(f"std{window}" for window in self.deviations),
            *(f"mean{times}_of_lag{season}" for season, times in self.seasonal_means),
        ]


def lag_features(y: Floats, spec: LagSpec, count: int) -> list[Floats]:
    """One (series, count) matrix per name of `spec`: what was known before each of the last `count` periods.

    The last column belongs to the period after `y`. Windows use the values that they find (NaN where none).
    """
    padding = np.full((len(y), max(spec.reach + count - 1 - y.shape[1], 0)), np.nan)
    past = np.concatenate([padding, y], axis=1)[:, -(spec.reach + count - 1) :]
    lags = [_lag(past, lag, count) for lag in spec.lags]
    means = [_window_mean(past, window, count) for window in spec.means]
    deviations = [_window_deviation(past, window, count) for window in spec.deviations]
    seasonal = [_seasonal_mean(past, season, times, count) for season, times in spec.seasonal_means]
    return [*lags, *means, *deviations, *seasonal]


def _lag(past: Floats, lag: int, count: int) -> Floats:
    end = past.shape[1] - lag + 1
    return past[:, end - count : end]


def _seasonal_mean(past: Floats, season: int, times: int, count: int) -> Floats:
    stack = np.stack([_lag(past, season * (k + 1), count) for k in range(times)])
    return _divide(np.nansum(stack, axis=0), np.isfinite(stack).sum(axis=0))


def _window_sums(values: Floats, window: int, count: int) -> Floats:
    """Sums over the `window` periods before each of the last `count` ones."""
    total = np.cumsum(values[:, -(window + count - 1) :], axis=1)
    total = np.concatenate([np.zeros((len(values), 1)), total], axis=1)
    return total[:, window:] - total[:, :-window]


def _window_mean(past: Floats, window: int, count: int) -> Floats:
    return _divide(
        _window_sums(np.nan_to_num(past), window, count), _window_sums(np.isfinite(past).astype(float), window, count)
    )


def _window_deviation(past: Floats, window: int, count: int) -> Floats:
    """Population standard deviation within the window."""
    mean = _window_mean(past, window, count)
    square = _window_mean(past**2, window, count)
    return np.sqrt(np.maximum(square - mean**2, 0.0))


def _divide(total: Floats, size: NDArray[np.float64] | NDArray[np.int64]) -> Floats:
    return np.asarray(np.divide(total, size, out=np.full(total.shape, np.nan), where=size > 0), dtype=np.float64)
