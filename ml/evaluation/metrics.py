"""Scores of forecasts against what was sold.

Shares (WAPE, bias, WQL) are of the total actual volume, so that large series count as much as they sell.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.errors import DataError
from ml.quantiles import tail_name

Floats = NDArray[np.float64]
Scores = dict[str, float | None]

WQL_SHARES = (0.1, 0.5, 0.9)


def score(frame: pd.DataFrame) -> Scores:
    """The scores of backtest rows `unique_id, cutoff, y, mean, p10, p50, p90` and, where given, their scales.

    - `wape`: sum |y - p50| / sum |y|; `bias`: sum (mean - y) / sum |y|; `mae` and `rmse` of the mean, in units of `y`;
    - `wql`: weighted quantile loss of P10, P50 and P90, 2 * pinball / sum |y|, averaged (as in the M5 and GluonTS);
    - `mase`, `rmsse`: error of each series and cutoff over its `mase_scale` or `rmsse_scale` (Hyndman and Koehler 2006;
      M5), averaged over those with a scale above 0;
    - `cover80`: share of actuals from P10 to P90 (0.8 if calibrated; more where P10 and actuals are zero);
      `above90`: share above P90 (0.1 if calibrated); `rows`: how many were scored.

    A score that has no meaning (no sales at all, no scale) is None. Raises DataError where no row has an actual.
    """
    rows = frame[frame["y"].notna()]
    if rows.empty:
        raise DataError("no actuals to score forecasts with; expected rows with y. Take an earlier cutoff.")
    y, mean = _column(rows, "y"), _column(rows, "mean")
    p10, p50, p90 = (_column(rows, tail_name(share)) for share in WQL_SHARES)
    volume = float(np.abs(y).sum())
    return {
        "wape": _share(np.abs(y - p50).sum(), volume),
        "wql": _share(sum(_pinball(y, q, s) for q, s in zip((p10, p50, p90), WQL_SHARES, strict=True)) / 3, volume),
        "bias": _share((mean - y).sum(), volume),
        "mae": float(np.abs(y - mean).mean()),
        "rmse": float(np.sqrt(np.square(y - mean).mean())),
        "mase": _scaled(rows, np.abs(y - mean), "mase_scale"),
        "rmsse": _scaled(rows, np.square(y - mean), "rmsse_scale", root=True),
        "cover80": float(((p10 <= y) & (y <= p90)).mean()),
        "above90": float((y > p90).mean()),
        "rows": float(len(rows)),
    }


def _column(rows: pd.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy(dtype=np.float64)


def _share(value: float, volume: float) -> float | None:
    return float(value) / volume if volume > 0 else None


def _pinball(y: Floats, quantile: Floats, share: float) -> float:
    error = y - quantile
    return float(2 * np.maximum(share * error, (share - 1) * error).sum())


def _scaled(rows: pd.DataFrame, errors: Floats, scale: str, root: bool = False) -> float | None:
    """The mean over series and cutoffs of their mean error over their scale."""
    if scale not in rows.columns:
        return None
    keys = [rows[name] for name in ("unique_id", "cutoff") if name in rows.columns]
    own = pd.DataFrame({"error": errors, "scale": _column(rows, scale)}, index=rows.index).groupby(keys).mean()
    own = own[own["scale"] > 0]
    if own.empty:
        return None
    error = np.sqrt(own["error"]) if root else own["error"]
    return float((error / own["scale"]).mean())
