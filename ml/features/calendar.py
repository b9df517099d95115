"""Where in the week, month and year a period lies."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

NAMES = {
    "D": ("dayofweek", "day", "month", "dayofyear"),
    "W": ("weekofyear", "month"),
    "MS": ("month",),
}


def calendar_features(dates: pd.DatetimeIndex, freq: str) -> dict[str, NDArray[np.float64]]:
    """One value per period for each name of `NAMES[freq]`: Monday is 0, months and days count from 1."""
    if freq not in NAMES:
        raise DataError(f"no calendar features for the frequency {freq!r}; expected one of {', '.join(NAMES)}.")
    return {name: _values(dates, name) for name in NAMES[freq]}


def _values(dates: pd.DatetimeIndex, name: str) -> NDArray[np.float64]:
    if name == "weekofyear":
        return dates.isocalendar()["week"].to_numpy(dtype=np.float64)
    return np.asarray(getattr(dates, name), dtype=np.float64)
