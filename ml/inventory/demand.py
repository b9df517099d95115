"""Demand of several days together, from forecasts of single days: its mean, spread and quantiles, item by item.

Quantiles of days do not add up to a quantile of their sum. Means do, and variances do once it is known how errors go
together; the sum is then taken to follow a gamma distribution, which is never negative and leans to the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, ndtri

from ml.errors import DataError
from ml.inventory.policy import HALVINGS

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

CORRELATION = 0.1
"""How far errors of two days of one forecast go together, where it was not measured."""
BAND = float(ndtri(0.9) - ndtri(0.1))
"""Standard deviations from P10 to P90."""
WEEK = 7
LEAST = 1e-9


@dataclass(frozen=True)
class Demand:
    """Demand of single days: `mean` and `sd`, (items, days), in units; `correlation` of errors between days.

    `known` is the part of `mean` that is certain, (items, known days): it may reach beyond the forecast.
    """

    mean: Floats
    sd: Floats
    correlation: float = CORRELATION
    known: Floats | None = None

    @classmethod
    def from_quantiles(cls, mean: Floats, p10: Floats, p90: Floats, correlation: float = CORRELATION) -> Self:
        """From forecasts of days, (items, days).

        Spread is at least that of units that come by chance (Poisson): P10 and P90 of a slow item are both 0.
        """
        shapes = {part.shape for part in (mean, p10, p90)}
        if len(shapes) > 1:
            raise DataError(f"mean, P10 and P90 have the shapes {sorted(shapes)}; expected one shape (items, days).")
        expected = np.maximum(np.nan_to_num(mean), 0.0)
        band = np.maximum(np.nan_to_num(p90 - p10), 0.0) / BAND
        return cls(expected, np.maximum(band, np.sqrt(expected)), correlation)

    @classmethod
    def from_periods(
        cls, mean: Floats, p10: Floats, p90: Floats, length: int = WEEK, correlation: float = CORRELATION
    ) -> Self:
        """From forecasts of periods of `length` days (weeks), (items, periods), spread evenly over their days.

        The days' spread is such that the period keeps its own.
        """
        whole = cls.from_quantiles(mean, p10, p90, correlation)
        together = np.sqrt(length + correlation * length * (length - 1))
        mean, sd = np.repeat(whole.mean / length, length, axis=1), np.repeat(whole.sd / together, length, axis=1)
        return cls(mean, sd, correlation)

    @property
    def days(self) -> int:
        """How many days are forecast."""
        return int(self.mean.shape[1])

    @property
    def forecast(self) -> Floats:
        """`mean` without what is certain, (items, days)."""
        return self.mean if self.known is None else self.mean - _fitted(self.known, self.days)

    @property
    def total(self) -> Floats:
        """What is expected of all days, (items,), with what is certain beyond the forecast."""
        later = 0.0 if self.known is None else self.known[:, self.days :].sum(axis=1)
        return np.asarray(self.mean.sum(axis=1) + later)

    def with_known(self, units: Floats) -> Demand:
        """With demand that is certain on top, (items, known days): what job orders consume."""
        return replace(self, mean=self.mean + _fitted(units, self.days), known=units)

    def only(self, rows: slice | Days) -> Demand:
        """Some items."""
        known = None if self.known is None else self.known[rows]
        return Demand(self.mean[rows], self.sd[rows], self.correlation, known)

    def until(self, days: int) -> Demand:
        """The first `days` days; beyond the forecast its last week repeats, what is certain does not."""
        if days <= self.days:
            return replace(self, mean=self.mean[:, :days], sd=self.sd[:, :days])
        week = min(WEEK, self.days)
        place = np.concatenate([np.arange(self.days), self.days - week + np.arange(days - self.days) % week])
        longer = Demand(self.forecast[:, place], self.sd[:, place], self.correlation)
        return longer if self.known is None else longer.with_known(self.known)

    def sums(self) -> Sums:
        """Demand from today to the end of each day."""
        squares, plain = np.cumsum(self.sd**2, axis=1), np.cumsum(self.sd, axis=1)
        variance = (1.0 - self.correlation) * squares + self.correlation * plain**2
        return Sums(np.cumsum(self.mean, axis=1), np.sqrt(variance))


@dataclass(frozen=True)
class Sums:
    """Totals of demand: `mean` and `sd`, of any one shape whose first axis is items."""

    mean: Floats
    sd: Floats

    def over(self, days: Floats, spread: Floats | float = 0.0) -> Sums:
        """Of totals (items, days) those over `days` days of each item, parts of days included, with a standard
        deviation of `spread` days: μ and √(σ² + (d s)²) with d the mean demand a day [SPT 6.67]. Shape (items,)."""
        rows, width = np.arange(len(self.mean)), self.mean.shape[1]
        held = np.clip(days, 0.0, width)
        whole = np.floor(held).astype(np.int64)
        part = held - whole
        mean, sd = (
            (1.0 - part) * _before(values, rows, whole) + part * _before(values, rows, np.minimum(whole + 1, width))
            for values in (self.mean, self.sd)
        )
        daily = mean / np.maximum(held, 1.0)
        return Sums(mean, np.sqrt(sd**2 + np.square(daily * spread)))

    def quantile(self, share: float | Floats) -> Floats:
        """What totals stay below with probability `share`."""
        return gamma_quantile(self.mean, self.sd, share)

    def shortage(self, level: Floats) -> Floats:
        """Expected units above `level`: E(D − S)⁺ of a gamma distribution."""
        return gamma_shortage(level, self.mean, self.sd)

    def level_for_fill(self, fill: Floats | float, sold: Floats) -> Floats:
        """Least stock whose expected shortage is (1 − fill) of `sold`, the demand of a cycle; found by halving."""
        allowed = (1.0 - np.asarray(fill)) * sold
        low, high = np.zeros_like(self.mean), self.mean + 12.0 * self.sd
        for _ in range(HALVINGS // 2):
            middle = (low + high) / 2.0
            short = self.shortage(middle) > allowed
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return np.where(self.mean > 0, high, 0.0)


def _fitted(units: Floats, days: int) -> Floats:
    """Units of the first `days` days, 0 where they end earlier."""
    return np.pad(units[:, :days], ((0, 0), (0, max(days - units.shape[1], 0))))


def _before(values: Floats, rows: Days, count: Days) -> Floats:
    """Totals of the first `count` days of each item; 0 for none."""
    return np.where(count > 0, values[rows, np.maximum(count - 1, 0)], 0.0)


def gamma_quantile(mean: Floats, sd: Floats, share: float | Floats) -> Floats:
    """Quantiles of gamma distributions by their mean and sd, by Wilson & Hilferty's cube root (1931).

    With shape k = (μ/σ)² it is μ (1 − 1/9k + z/3√k)³: within 3 % of the exact one for P90 from k = 0.5 on.
    """
    root = np.maximum(mean, LEAST) / np.maximum(sd, LEAST)
    cube = 1.0 - 1.0 / (9.0 * root**2) + ndtri(share) / (3.0 * root)
    return np.asarray(mean * np.maximum(cube, 0.0) ** 3)


def gamma_shortage(level: Floats, mean: Floats, sd: Floats) -> Floats:
    """Expected units of gamma demand above `level`: μ (1 − F₊(S)) − S (1 − F(S)), F₊ with a shape larger by 1."""
    steady = sd <= LEAST
    shape = np.square(mean / np.where(steady, 1.0, sd))
    shape = np.where(steady | (shape <= LEAST), 1.0, shape)
    scaled = np.maximum(level, 0.0) * shape / np.maximum(mean, LEAST)
    short = mean * gammaincc(shape + 1.0, scaled) - np.maximum(level, 0.0) * gammaincc(shape, scaled)
    return np.where(steady, np.maximum(mean - level, 0.0), np.maximum(short, 0.0))


def error_correlation(errors: Floats) -> float:
    """How far errors of the days of one forecast go together, (forecasts, days), from the variance of their sums.

    Var(Σe) = Σσ² + ρ ((Σσ)² − Σσ²), solved for ρ, between 0 and 1. Errors should be in units of their item's size.
    """
    sd = np.sqrt(np.nanmean(errors**2, axis=0))
    alone, together = float((sd**2).sum()), float(sd.sum() ** 2)
    if together - alone <= LEAST:
        return CORRELATION
    found = float(np.nanmean(np.nansum(errors, axis=1) ** 2))
    return float(np.clip((found - alone) / (together - alone), 0.0, 1.0))
