"""Compiles the loops ahead, so that no job waits for it: `python -m ml.models.prophet_panel.warm`.

The code is kept beside the source (or in NUMBA_CACHE_DIR, or in the user's cache) for this kind of processor.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.models.prophet_panel.fitted import fit_panel
from ml.models.prophet_panel.options import MODES, Options
from ml.panel import Panel


def warm_up() -> None:
    """Estimate and forecast a made series in each mode."""
    dates = pd.date_range("2020-01-01", periods=40)
    frame = pd.DataFrame({"unique_id": "series", "ds": dates, "y": np.arange(40.0) % 7 + 10})
    for mode in MODES:
        fit_panel(Panel(frame, "D", 7), Options(seasonality_mode=mode)).quantiles(2, (0.9,))


if __name__ == "__main__":
    warm_up()
