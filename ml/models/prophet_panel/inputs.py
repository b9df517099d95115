"""Known columns that a model reads: regressors, conditions of seasonalities, and the bounds of logistic growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError

Floats = NDArray[np.float64]
Known = Mapping[str, Floats]


def input_values(
    names: Sequence[str], known: Known, ids: pd.Index[str], needed: NDArray[np.bool_], horizon: int
) -> Floats:
    """(N, H, inputs); DataError where one is absent or lacks a value that is needed (N, or N × H)."""
    absent = [name for name in names if name not in known]
    if absent:
        raise DataError(
            f"no values of {', '.join(absent)}; expected a known column for each regressor and condition, and cap for "
            "logistic growth. Add it."
        )
    out = np.empty((len(ids), horizon, len(names)))
    wanted = needed if needed.ndim == 2 else needed[:, None]
    for place, name in enumerate(names):
        out[:, :, place] = known[name]
        lacking = (wanted & ~np.isfinite(out[:, :, place])).any(axis=1)
        if lacking.any():
            raise DataError(
                f"column {name}: series {ids[int(np.argmax(lacking))]!r} lacks values; expected one for each period. "
                "Fill them, or leave the column out."
            )
    return out


def check_conditions(names: Sequence[str], values: Floats) -> None:
    """Raise DataError where conditions (N, H, names) hold anything but 0, 1 and NaN, which stands for unknown."""
    for place, name in enumerate(names):
        found = values[:, :, place]
        if not np.isin(found[np.isfinite(found)], (0.0, 1.0)).all():
            raise DataError(f"column {name} is the condition of a seasonality; expected 0 or 1 in each period.")
