"""The panel: what it refuses, how gaps are filled, what a cutoff hides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from panels import dates, panel_of, seasonal_panel

from ml.errors import DataError
from ml.panel import Panel, fill_gaps


def table(**changes: Any) -> pd.DataFrame:
    columns = {"unique_id": ["b", "b", "a"], "ds": ["2024-01-01", "2024-02-01", "2024-02-01"], "y": [1.0, 2.0, 3.0]}
    return pd.DataFrame({**columns, **changes})


def test_a_panel_is_sorted_and_typed() -> None:
    panel = Panel.from_frame(table(unique_id=[7, 7, 10]), "MS", 12)
    assert panel.frame["unique_id"].tolist() == ["10", "7", "7"]
    assert panel.ids.tolist() == ["10", "7"]
    assert panel.last == pd.Timestamp("2024-02-01")
    assert list(panel.periods) == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table().drop(columns="y"), "no column y; found unique_id, ds"),
        (table(y=[1, "many", 2]), "column y: expected numbers"),
        (table(y=[1, np.inf, 2]), "column y: expected finite numbers"),
        (table(y=[np.nan] * 3), "column y: expected at least one number"),
        (table(ds=["2024-01-01", None, "2024-02-01"]), "column ds: expected a date in every row, found 1 empty"),
        (table(ds=["soon", "2024-02-01", "2024-02-01"]), "column ds: expected dates"),
        (table(ds=["2024-01-01", "2024-02-02", "2024-02-01"]), "2024-02-02 00:00:00 does not start a period"),
        (table(ds=["2024-02-01"] * 3), "series 'b' has more than one row for 2024-02-01"),
        (table(ds=["2024-01-01", "2024-03-01", "2024-03-01"]), "series 'b' lacks 1 of the periods.*fill_gaps"),
    ],
)
def test_a_bad_table_is_refused_with_the_column_and_the_remedy(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Panel.from_frame(frame, "MS", 12)


def test_a_static_column_that_changes_is_refused() -> None:
    with pytest.raises(DataError, match="static column region: series 'b' has 2 different values"):
        Panel.from_frame(table(region=["x", "y", "x"]), "MS", 12, static=["region"])


def test_an_unknown_frequency_is_refused() -> None:
    with pytest.raises(DataError, match="frequency is 'Q'; expected one of D, W, MS"):
        Panel.from_frame(table(), "Q", 4)


def test_gaps_become_zero_up_to_the_last_period_of_the_panel() -> None:
    frame = table(ds=["2024-01-01", "2024-04-01", "2024-02-01"], region=["x", "x", "z"], price=[5.0, 6.0, 9.0])
    filled = fill_gaps(frame, "MS", static=["region"], known=["price"])
    panel = Panel.from_frame(filled, "MS", 12, static=["region"], known=["price"])
    a, b = (panel.frame[panel.frame["unique_id"] == name] for name in "ab")
    assert a["y"].tolist() == [3.0, 0.0, 0.0]
    assert b["y"].tolist() == [1.0, 0.0, 0.0, 2.0]
    assert b["price"].tolist() == [5.0, 5.0, 5.0, 6.0]
    assert a["region"].tolist() == ["z"] * 3


@pytest.mark.parametrize("freq", ["D", "W", "MS"])
def test_filling_a_full_panel_changes_nothing(freq: str) -> None:
    panel = seasonal_panel(series=3, periods=30, freq=freq)
    filled = fill_gaps(panel.frame, freq, panel.static, panel.known)
    pd.testing.assert_frame_equal(filled, panel.frame)


def test_rows_with_known_columns_only_are_future_not_history() -> None:
    frame = table(unique_id=["a"] * 3, ds=["2024-01-01", "2024-02-01", "2024-03-01"], y=[1, 2, None], price=[5, 6, 7])
    panel = Panel.from_frame(fill_gaps(frame, "MS", known=["price"]), "MS", 12, known=["price"])
    assert panel.last == pd.Timestamp("2024-02-01")
    assert panel.future(panel.last, 2)["price"].tolist() == [7.0]
    assert "y" not in panel.future(panel.last, 1)
    assert panel.wide.y.tolist() == [[1.0, 2.0]]


def test_until_hides_later_rows_and_series_not_yet_begun() -> None:
    panel = panel_of({"old": [1, 2, 3, 4], "new": [9]})
    past = panel.until(dates(4)[2])
    assert past.ids.tolist() == ["old"]
    assert past.frame["y"].tolist() == [1.0, 2.0, 3.0]
    assert past.last == dates(4)[2]


def test_a_cutoff_before_the_panel_is_refused() -> None:
    with pytest.raises(DataError, match="before the first period 2019-01-01"):
        panel_of({"a": [1, 2]}).until(pd.Timestamp("2018-12-01"))


def test_wide_matrices_hold_nan_before_a_series_starts() -> None:
    wide = panel_of({"a": [1, 2, 3], "b": [5]}).wide
    np.testing.assert_array_equal(wide.y, [[1, 2, 3], [np.nan, np.nan, 5]])
    assert wide.first.tolist() == [0, 2]
    assert wide.lengths.tolist() == [3, 1]
