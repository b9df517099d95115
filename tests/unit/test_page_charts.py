"""The data that the chart script gets."""

from __future__ import annotations

from datetime import date

from webapp.pages.charts import chart_data
from webapp.queries.forecasts import ForecastPoint, Outlook
from webapp.queries.history import HistoryPoint
from webapp.queries.nodes import Node


def month(number: int) -> date:
    return date(2024, number, 1)


def actual(number: int, sales: float, partial: bool = False) -> HistoryPoint:
    return HistoryPoint(month(number), sales, 1.0, 1, partial)


def expected(number: int, mean: float) -> ForecastPoint:
    tails = [mean * share for share in (0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5)]
    return ForecastPoint(month(number), mean, *tails)


def outlook(history: list[HistoryPoint], forecast: list[ForecastPoint], bands: str = "stored") -> Outlook:
    return Outlook(Node(), history, forecast, month(1), "lightgbm", None, bands, 1, None)


def test_history_and_forecast_share_one_axis_and_the_partial_month_stands_apart() -> None:
    history = [actual(1, 100), actual(2, 110.456), actual(3, 20, partial=True)]
    data = chart_data(outlook(history, [expected(3, 105), expected(4, 120)]))
    assert data["labels"] == ["Jan 2024", "Feb 2024", "Mar 2024", "Apr 2024"]
    assert data["history"] == [100, 110.46, None, None]
    assert data["partial"] == [None, None, 20, None]
    assert data["forecast"] == [None, None, 105, 120]
    assert data["last"] == 1


def test_each_band_lies_inside_the_wider_one() -> None:
    data = chart_data(outlook([actual(1, 100)], [expected(2, 100)]))
    widest, middle, narrow = data["bands"]
    assert [band["level"] for band in data["bands"]] == [95, 80, 50]
    assert widest["low"][1] < middle["low"][1] < narrow["low"][1] < narrow["high"][1] < middle["high"][1]
    assert widest["low"][0] is None


def test_without_bands_none_are_drawn() -> None:
    assert chart_data(outlook([actual(1, 100)], [expected(2, 100)], bands="none"))["bands"] == []


def test_a_partial_first_month_leaves_no_point_to_start_from() -> None:
    data = chart_data(outlook([actual(1, 100, partial=True)], []))
    assert data["last"] is None
    assert data["history"] == [None]


def test_summary_says_what_can_be_seen() -> None:
    data = chart_data(outlook([actual(1, 100), actual(2, 110)], [expected(3, 1500), expected(4, 1500)]))
    assert data["summary"] == (
        "Monthly sales from Jan 2024 to Feb 2024; forecast for the 2 months after: 3.00K in total. "
        "The same figures are in the table."
    )
