"""Paths drawn from the model, as the library draws them; `quantiles` needs none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.models.prophet_panel import forecast
from ml.models.prophet_panel.fitted import FittedPanel, days_of

Floats = NDArray[np.float64]


def simulate(
    fitted: FittedPanel,
    unique_id: str,
    horizon: int,
    *,
    samples: int = 1000,
    seed: int = 0,
    known: Mapping[str, Floats] | None = None,
) -> Floats:
    """(samples, horizon) paths of one series in the units of y; `known` gives the inputs, (N, horizon) by name.

    The generator is seeded by `seed` and the series' name: other series change nothing. At each step the slope changes
    with the chance, and by the scale, that `quantiles` explains; noise is added at the end.
    """
    group, row = fitted.find(unique_id)
    one = group.part(slice(row, row + 1))
    days = days_of(fitted.dates(horizon))
    values = fitted.values(known, horizon)[one.rows]
    found = forecast.terms(one.design, one.estimates, days, values)
    ahead = fitted.ahead(one, days)
    step = forecast.step_length(one.design, ahead)
    flat = one.design.options.growth == "flat"
    scale = 0.0 if flat else float(one.estimates.slopes[0]) * step
    random = np.random.default_rng([seed, int.from_bytes(hashlib.blake2b(unique_id.encode(), digest_size=8).digest())])
    shape = (samples, len(ahead))
    changed = random.random(shape) < forecast.chance_of_change(one.design, step)
    changes = np.where(changed, random.laplace(0.0, scale, shape), 0.0)
    # A change counts half in the step in which it happens.
    trend = (np.cumsum(np.cumsum(changes, axis=1), axis=1) - np.cumsum(changes, axis=1) / 2)[:, -horizon:]
    noise = random.normal(0.0, one.estimates.sigma[0], (samples, horizon))
    uncertain = trend * (1.0 + found.multiplicative) + noise
    return np.asarray(found.mean + uncertain * one.estimates.scale[0], dtype=np.float64)
