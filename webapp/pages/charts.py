"""The data of the forecast chart, as static/js/chart.js reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ml.grains import Grain
from webapp.pages.formats import compact, period, sentence
from webapp.queries.earlier import Earlier
from webapp.queries.forecasts import ForecastPoint, Outlook
from webapp.queries.history import HistoryPoint
from webapp.queries.marks import Mark

MONTHS_NAMED = 24
"""Months up to which an axis names each of them; beyond it names years."""
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
        "labels": [period(day, outlook.grain) for day in periods],
        "ticks": ticks(periods, outlook.grain),
        "last": periods.index(complete[-1].period) if complete else None,
        "history": rounded([history.get(day) for day in periods]),
        "partial": rounded([partial.get(day) for day in periods]),
        "forecast": rounded([forecast[p].mean if p in forecast else None for p in periods]),
        "median": rounded([forecast[p].p50 if p in forecast else None for p in periods]),
        "bands": [] if outlook.bands == "none" else [band_data(periods, forecast, *band) for band in BANDS],
        "approximate": outlook.bands == "approximate",
        "forecast_name": "Forecast",
        "lines": [],
        "marks": [],
        "summary": summary(outlook, complete),
    }


def ticks(periods: Sequence[date], grain: Grain) -> list[str | None] | None:
    """What stands below each period of the axis: of weeks and days a month at its first period, where room is for it
    all; null where nothing. None of months, whose names are their labels."""
    if grain.freq == "MS":
        return None
    begins = [at == 0 or day.month != periods[at - 1].month for at, day in enumerate(periods)]
    years = sum(begins) > MONTHS_NAMED
    shown = [begin and (not years or day.month == 1) for begin, day in zip(begins, periods, strict=True)]
    return [
        (f"{day.year}" if years else f"{day:%b} {day.year}") if show else None
        for show, day in zip(shown, periods, strict=True)
    ]


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
    parts, grain = [], outlook.grain
    if complete:
        first, last = (period(point.period, grain) for point in (complete[0], complete[-1]))
        parts.append(f"{grain.name.capitalize()} sales from {first} to {last}")
    if outlook.forecast:
        total = sum(point.mean for point in outlook.forecast)
        parts.append(f"forecast for the {len(outlook.forecast)} {grain.unit} after: {compact(total)} in total")
    return "; ".join(parts) + ". The same figures are in the table."


def with_final(data: dict[str, Any], outlook: Outlook) -> dict[str, Any]:
    """The chart with the forecast as people have changed it beside the system's, where they have."""
    if not outlook.overridden:
        return data
    final = {period(point.period, outlook.grain): point.final for point in outlook.forecast}
    return with_line(data, "Final", "final", final)


def with_earlier(data: dict[str, Any], found: Sequence[Earlier], grain: Grain) -> dict[str, Any]:
    """The chart with what was forecast earlier, a line for each period that it was said in."""
    for one in found:
        means = {period(day, grain): mean for day, mean in one.means.items()}
        data = with_line(data, f"As of {period(one.as_of, grain)}", "earlier", means)
    return data


def with_marks(data: dict[str, Any], found: Sequence[Mark], grain: Grain) -> dict[str, Any]:
    """The chart with anomalies and events marked at their periods."""
    places = {label: at for at, label in enumerate(data["labels"])}
    named = [(places.get(period(one.period, grain)), one) for one in found]
    marks = [{"at": at, "kind": one.kind, "text": sentence(one.text)} for at, one in named if at is not None]
    return {**data, "marks": marks}


def with_line(data: dict[str, Any], name: str, kind: str, values: Mapping[str, float]) -> dict[str, Any]:
    """The chart with one more line, given by the labels of its periods; `kind` is final or earlier."""
    line = {"name": name, "kind": kind, "values": rounded([values.get(label) for label in data["labels"]])}
    return {**data, "lines": [*data["lines"], line]}
