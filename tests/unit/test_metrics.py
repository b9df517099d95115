"""Scores against numbers worked out by hand and against a naive loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.errors import DataError
from ml.evaluation.metrics import score


def rows(**changes: Any) -> pd.DataFrame:
    columns = {
        "unique_id": ["a", "a", "b", "b"], "cutoff": pd.Timestamp("2024-01-01"), "y": [10.0, 20.0, 0.0, 10.0],
        "mean": [12.0, 18.0, 1.0, 9.0], "p10": [8.0, 15.0, 0.0, 12.0], "p50": [11.0, 16.0, 0.0, 13.0],
        "p90": [13.0, 19.0, 2.0, 20.0],
    }  # fmt: skip
    return pd.DataFrame({**columns, **changes})


def test_scores_worked_out_by_hand() -> None:
    scores = score(rows())
    assert scores["wape"] == pytest.approx((1 + 4 + 0 + 3) / 40)
    assert scores["bias"] == pytest.approx((2 - 2 + 1 - 1) / 40)
    assert scores["rmse"] == pytest.approx(np.sqrt((4 + 4 + 1 + 1) / 4))
    assert scores["cover80"] == pytest.approx(2 / 4)
    assert scores["above90"] == pytest.approx(1 / 4)
    assert scores["rows"] == 4


def test_quantile_loss_equals_a_naive_loop() -> None:
    frame, total = rows(), 0.0
    for share, name in ((0.1, "p10"), (0.5, "p50"), (0.9, "p90")):
        for y, quantile in zip(frame["y"], frame[name], strict=True):
            total += 2 * (share * (y - quantile) if y >= quantile else (1 - share) * (quantile - y))
    assert score(frame)["wql"] == pytest.approx(total / 3 / 40)


def test_scaled_errors_are_averaged_over_series_with_a_scale() -> None:
    scores = score(rows(rmsse_scale=[2.0, 2.0, 0.0, 0.0], mase_scale=[4.0, 4.0, 2.0, 2.0]))
    assert scores["rmsse"] == pytest.approx(2.0 / 2.0)
    assert scores["mase"] == pytest.approx(np.mean([2 / 4, 1 / 2]))


def test_scores_without_meaning_are_none() -> None:
    scores = score(rows(y=0.0))
    assert (scores["wape"], scores["wql"], scores["bias"], scores["rmsse"]) == (None, None, None, None)
    assert scores["rmse"] is not None


def test_rows_without_an_actual_do_not_count() -> None:
    part = score(rows(y=[10.0, 20.0, np.nan, np.nan]))
    assert part["rows"] == 2
    assert part["wape"] == pytest.approx(5 / 30)
    with pytest.raises(DataError, match="no actuals"):
        score(rows(y=np.nan))
