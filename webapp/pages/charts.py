"""The data of the forecast chart, as static/js/chart.js reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webapp.pages.formats import compact, month
from webapp.queries.forecasts import ForecastPoint, Outlook
from webapp.queries.history import HistoryPoint

BANDS = ((95, "p025", "p975"), (80, "p10", "p90"), (50, "p25", "p75"))


def chart_data(outlook: Outlook) -> dict[str, Any]:
    """Everything by period, null where it does not apply, over history and forecast together.

    `last` is the index of the last complete period: there the forecast begins.
    """
    complete = [point for point in outlook.history if not point.partial]
    partial = {point.period: point.sales for point in outlook.history if point.partial}
    periods = sorted({point.period for point in outlook.history} | {point.period for point in outlook.forecast})
    history = {point.period: point.sales for point in complete}
    forecast = {point.period: point for point in outlook.forecast}
    return {
        "labels": [month(period) for period in periods],
        "last": periods.index(complete[-1].period) if complete else None,
        "history": rounded([history.get(period) for period in periods]),
        "partial": rounded([partial.get(period) for period in periods]),
        "forecast": rounded([forecast[p].mean if p in forecast else None for p in periods]),
        "median": rounded([forecast[p].p50 if p in forecast else None for p in periods]),
        "bands": [] if outlook.bands == "none" else [band_data(periods, forecast, *band) for band in BANDS],
        "approximate": outlook.bands == "approximate",
        "summary": summary(outlook, complete),
    }


def band_data(
    periods: Sequence[Any], forecast: dict[Any, ForecastPoint], level: int, low: str, high: str
) -> dict[str, Any]:
    """Both ends of one band by period."""
    return {
        "level": level,
        "low": rounded([getattr(forecast[p], low) if p in forecast else None for p in periods]),
        "high": rounded([getattr(forecast[p], high) if p in forecast else None for p in periods]),
    }


def rounded(values: Sequence[float | None]) -> list[float | None]:
    """Cents at most: shorter JSON, the same picture."""
    return [None if value is None else round(value, 2) for value in values]


def summary(outlook: Outlook, complete: Sequence[HistoryPoint]) -> str:
    """The chart in a sentence, for those who hear it."""
    parts = []
    if complete:
        parts.append(f"Monthly sales from {month(complete[0].period)} to {month(complete[-1].period)}")
    if outlook.forecast:
        total = sum(point.mean for point in outlook.forecast)
        parts.append(f"forecast for the {len(outlook.forecast)} months after: {compact(total)} in total")
    return "; ".join(parts) + ". The same figures are in the table."
