"""Periods in which nothing can be sold, as a known column says: a shop that is closed, a product that is not listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.panel import Wide

Floats = NDArray[np.float64]

FEWEST = 100
"""Closed periods below which a rule could be chance."""
EXCEPTIONS = 0.001
"""The share of closed periods in which something may have been sold nevertheless."""


def find_closures(wide: Wide) -> tuple[str, ...]:
    """The known columns of zeros and ones under whose 0 nothing is ever sold, while under 1 sales are usual."""
    return tuple(name for name, flags in wide.known.items() if _closes(wide.y, flags))


def _closes(y: Floats, flags: Floats) -> bool:
    seen = np.isfinite(y) & np.isfinite(flags)
    closed, opened = seen & (flags == 0), seen & (flags == 1)
    if closed.sum() < FEWEST or closed.sum() + opened.sum() < seen.sum() or not opened.any():
        return False
    return bool((y[closed] != 0).mean() <= EXCEPTIONS and (y[opened] != 0).mean() > 0.5)


def closed(names: Sequence[str], known: Mapping[str, Floats], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which (series, periods) are closed by any of the columns `names` of `known`."""
    out = np.zeros(shape, dtype=bool)
    for name in names:
        out |= known[name] == 0
    return out
