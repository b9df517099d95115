"""What calibration needs to know of the series of a panel, and of the periods that are forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.features.closures import closed
from ml.features.scales import error_scale, recent_level, segments, volume_class
from ml.panel import Panel

Floats = NDArray[np.float64]

CALIBRATED_STEPS = {"D": 28, "W": 13, "MS": 12}
"""How far ahead errors are measured where no horizon is asked for; beyond it they grow on (see intervals)."""


@dataclass(frozen=True)
class SeriesFacts:
    """What calibration needs to know of each series: its name, recent level, scale of error, class and segment."""

    ids: pd.Index[str]
    level: Floats
    scale: Floats
    volume: NDArray[np.int64]
    segment: NDArray[np.int64]
    last: pd.Timestamp
    freq: str
    known: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel, edges: Floats, closures: tuple[str, ...] = ()) -> Self:
        """Measured on `panel`; classes of volume are cut at `edges`, and errors not scaled by what `closures` close."""
        season = panel.season_length
        level = recent_level(panel.wide, season)
        shut = closed(closures, panel.wide.known, panel.wide.y.shape)
        scale = error_scale(replace(panel.wide, y=np.where(shut, np.nan, panel.wide.y)), season)
        classes = volume_class(level, edges), segments(panel.wide, season)
        return cls(panel.ids, level, scale, *classes, panel.last, panel.freq, panel.known)


def facts_of(series: SeriesFacts, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """What is known of each series and period beside the forecast: `unique_id, ds, step, level, scale, volume`."""
    horizon = len(dates)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(series.ids.to_numpy(), horizon),
            "ds": np.tile(dates.to_numpy(), len(series.ids)),
            "step": np.tile(np.arange(1, horizon + 1), len(series.ids)),
            "level": np.repeat(series.level, horizon),
            "scale": np.repeat(series.scale, horizon),
            "volume": np.repeat(series.volume, horizon),
            "segment": np.repeat(series.segment, horizon),
        }
    )


def known_matrices(series: SeriesFacts, dates: pd.DatetimeIndex, known: pd.DataFrame | None) -> dict[str, Floats]:
    """(series, periods) per known column, NaN where a row is missing; DataError where a column is."""
    if not series.known:
        return {}
    absent = list(series.known) if known is None else [name for name in series.known if name not in known.columns]
    if known is None or absent:
        raise DataError(
            f"the model was trained with the known columns {', '.join(series.known)}; the forecast was asked for "
            f"without {', '.join(absent)}. Pass known=panel.future(cutoff, horizon)."
        )
    wanted = pd.MultiIndex.from_product([series.ids, dates], names=["unique_id", "ds"])
    found = known.set_index(["unique_id", "ds"])[list(series.known)].reindex(wanted)
    shape = (len(series.ids), len(dates))
    return {name: found[name].to_numpy(dtype=np.float64).reshape(shape) for name in series.known}
