"""The overview: how sales stand, what is expected, and which model says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from ml.db.results import ForecastRun, ModelVersion
from ml.grains import MONTHLY
from ml.hierarchy import LOCATION_LEVELS
from webapp.queries.accuracy import Accuracy
from webapp.queries.accuracy_cells import CellFilter, grouped
from webapp.queries.attention import Attention, attention
from webapp.queries.forecasts import ForecastPoint, Outlook, outlook
from webapp.queries.history import HistoryPoint
from webapp.queries.nodes import Node
from webapp.queries.profiles import ProfileFilter, ProfilePage, known_levels, list_profiles
from webapp.queries.stored import published_run

YEAR = 12
LARGEST = 8
"""Rows of a breakdown."""


@dataclass(frozen=True)
class IssuedMonth:
    """How the forecasts of a month turned out that were made `horizon` months before."""

    period: date
    horizon: int
    accuracy: Accuracy


@dataclass(frozen=True)
class Overview:
    """What needs attention, headline numbers of all sales, and what these are made of."""

    outlook: Outlook
    has_data: bool
    last_period: date | None
    last_sales: float | None
    last_change_month: float | None
    last_change_year: float | None
    last12: float | None
    next12: float | None
    next12_change: float | None
    next_point: ForecastPoint | None  # the first month to come; a year's band is not the sum of its months'
    series_count: int
    breakdowns: list[tuple[str, ProfilePage]]  # by the coarsest place and product names, the largest nodes of each
    issued: list[IssuedMonth]  # what was last forecast for the month before the last, and for the last
    attention: Attention
    model: dict[str, Any] | None


def overview(session: Session, now: datetime) -> Overview:
    """Everything that the overview page shows of sales and forecasts."""
    whole = outlook(session, Node())
    complete = [point for point in whole.history if not point.partial]
    run = published_run(session)
    last12 = sum(point.sales for point in complete[-YEAR:]) if len(complete) >= YEAR else None
    expected = whole.forecast[:YEAR]
    next12 = sum(point.mean for point in expected) if expected else None
    return Overview(
        outlook=whole,
        has_data=bool(whole.history),
        last_period=complete[-1].period if complete else None,
        last_sales=complete[-1].sales if complete else None,
        last_change_month=_change(complete, 1),
        last_change_year=_change(complete, YEAR),
        last12=last12,
        next12=next12,
        next12_change=(next12 - last12) / last12 if next12 is not None and last12 else None,
        next_point=expected[0] if expected else None,
        series_count=run.series_count if run else 0,
        breakdowns=breakdowns(session),
        issued=last_issued(session, run, complete[-1].period) if run and complete else [],
        attention=attention(session, run, now),
        model=_model(session, run) if run else None,
    )


def breakdowns(session: Session) -> list[tuple[str, ProfilePage]]:
    """The largest nodes of the coarsest level of places, and of that of products, where the data names any."""
    levels, found = known_levels(session), []
    coarsest = min((LOCATION_LEVELS.index(place) for place, _ in levels), default=0)
    everywhere = LOCATION_LEVELS[coarsest]  # a limited caller sees no total
    place = next((level for level in levels if level[0] != "total" and level[1] == "total"), None)
    product = next((level for level in levels if level[0] == everywhere and level[1] != "total"), None)
    for dimension, level in (("place", place), ("product", product)):
        if level is not None:
            page = list_profiles(session, ProfileFilter(Node(), level), "volume", LARGEST)
            found.append((level[0] if dimension == "place" else level[1], page))
    return found


def last_issued(session: Session, run: ForecastRun, last: date) -> list[IssuedMonth]:
    """Errors of the base series' forecasts for the last two months, of each the one that was made last: a month ahead,
    or more where several months came at once. Empty while unknown."""
    since = MONTHLY.shift(last, -1)
    wanted = CellFilter(MONTHLY, (run.location_level, run.product_level), since, last)
    nearest: dict[date, IssuedMonth] = {}
    for (period, horizon), accuracy in sorted(grouped(session, wanted, ["period", "horizon"]).items()):
        nearest.setdefault(period, IssuedMonth(period, horizon, accuracy))
    return list(nearest.values())


def _change(complete: list[HistoryPoint], back: int) -> float | None:
    """The relative change of the last complete month against the one `back` months before."""
    if len(complete) <= back or complete[-1 - back].sales <= 0:
        return None
    return (complete[-1].sales - complete[-1 - back].sales) / complete[-1 - back].sales


def _model(session: Session, run: ForecastRun) -> dict[str, Any]:
    row = session.get_one(ModelVersion, run.model_id)
    scores, floor = row.metrics["scores"], row.metrics["floor"]
    levels = row.metrics.get("levels", {})  # models of earlier versions have none
    return {
        "name": row.model_name,
        "type": row.model_type,
        "version": row.version,
        "wape": scores[row.model_type].get("wape"),
        "cover80": scores[row.model_type].get("cover80"),
        "floor_wape": scores[floor].get("wape"),
        "total_wape": levels.get(row.model_type, {}).get("total/total"),
        "reason": row.reason,
        "trained_at": row.trained_at,
    }
