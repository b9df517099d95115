"""Tables to download."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from webapp.pages.tables import BOM, outlook_csv, safe_cell, to_csv
from webapp.queries.forecasts import ForecastPoint, Outlook
from webapp.queries.history import HistoryPoint
from webapp.queries.nodes import Node


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))


def test_history_and_forecast_follow_each_other() -> None:
    history = [
        HistoryPoint(date(2024, 1, 1), 100.5, 3.0, 2, partial=False),
        HistoryPoint(date(2024, 2, 1), 20.0, 1.0, 1, partial=True),
    ]
    forecast = [ForecastPoint(date(2024, 2, 1), 99.999, 1, 2, 3, 4, 5, 6, 7)]
    view = Outlook(Node(region="East"), history, forecast, None, "", None, "stored", 1, None)
    rows = read(outlook_csv(view))
    assert [(row["region"], row["month"], row["kind"]) for row in rows] == [
        ("East", "2024-01", "actual"),
        ("East", "2024-02", "partial"),
        ("East", "2024-02", "forecast"),
    ]
    assert (rows[0]["sales"], rows[0]["forecast"]) == ("100.5", "")
    assert (rows[2]["sales"], rows[2]["forecast"], rows[2]["p10"], rows[2]["p90"]) == ("", "100.0", "2", "6")
    assert (rows[0]["final"], rows[2]["final"]) == ("", "100.0")


def test_the_final_forecast_stands_beside_the_one_of_the_system() -> None:
    point = ForecastPoint(date(2024, 2, 1), 100.0, 1, 2, 3, 4, 5, 6, 7, added=-30.0)
    (row,) = read(outlook_csv(Outlook(Node(), [], [point], None, "", None, "stored", 1, None)))
    assert (row["forecast"], row["final"]) == ("100.0", "70.0")


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@x", "\tx", "\n=x", "  =x", "＝x"])
def test_text_that_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1", "+1.5", "North-West", "a=b"])
def test_text_that_is_a_number_or_harmless_stays(text: str) -> None:
    assert safe_cell(text) == text


def test_a_product_is_downloaded_with_its_name() -> None:
    node = Node(product="P-1", product_name="=Pen")
    history = [HistoryPoint(date(2024, 1, 1), 1.0, 1.0, 1, partial=False)]
    (row,) = read(outlook_csv(Outlook(node, history, [], None, "", None, "none", None, None)))
    assert (row["product"], row["product name"]) == ("P-1", "'=Pen")


def test_numbers_stay_numbers() -> None:
    assert safe_cell(-1.5) == -1.5
    assert read(to_csv(["a", "b"], [[-1.5, "x"]])) == [{"a": "-1.5", "b": "x"}]
