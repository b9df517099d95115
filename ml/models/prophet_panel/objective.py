"""What is minimised: the negative logarithm of the posterior density, up to a constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel.design import TREND_PRIOR, Days, Design
from ml.models.prophet_panel.estimates import Estimates
from ml.models.prophet_panel.forecast import terms

Floats = NDArray[np.float64]

NOISE_PRIOR = 0.5
"""Scale of the half-normal prior of σ."""


def negative_log_posterior(design: Design, estimates: Estimates, y: Floats, days: Days, values: Floats) -> Floats:
    """One value a series, for any estimates of the design.

    `y` (N, n) without missing values in its own units, on `days` (n), with the inputs `values` (n, inputs). The priors:
    m, k ~ normal(0, 5); δ ~ Laplace(0, `changepoint_prior_scale`); β ~ normal(0, prior scales); σ ~ half-normal(0.5).
    """
    found = terms(design, estimates, days, np.broadcast_to(values, (len(y), *values.shape)))
    errors = (y - found.mean) / estimates.scale[:, None]
    sigma = estimates.sigma
    fit = len(days) * np.log(sigma) + (errors**2).sum(axis=1) / (2 * sigma**2)
    trend = (estimates.m**2 + estimates.k**2) / (2 * TREND_PRIOR**2)
    bends = np.abs(estimates.delta).sum(axis=1) / design.options.changepoint_prior_scale
    effects = (estimates.beta**2 / (2 * design.prior**2)).sum(axis=1)
    return np.asarray(fit + trend + bends + effects + sigma**2 / (2 * NOISE_PRIOR**2), dtype=np.float64)
