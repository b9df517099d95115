"""The overview: how sales stand, what is expected, and which model says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from ml.db.results import ForecastRun, ModelVersion
from webapp.queries.explore import BreakdownRow, breakdown, dimensions
from webapp.queries.forecasts import ForecastPoint, Outlook, outlook
from webapp.queries.history import HistoryPoint
from webapp.queries.nodes import LOCATION_FIELDS, PRODUCT_FIELDS, Node
from webapp.queries.stored import published_run

YEAR = 12


@dataclass(frozen=True)
class Overview:
    """Headline numbers of all sales, with the breakdowns by the coarsest place and product names."""

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
    place_dimension: str | None
    places: list[BreakdownRow]
    product_dimension: str | None
    products: list[BreakdownRow]
    model: dict[str, Any] | None


def overview(session: Session) -> Overview:
    """Everything that the overview page shows of sales and forecasts."""
    whole = outlook(session, Node())
    complete = [point for point in whole.history if not point.partial]
    run = published_run(session)
    named = dimensions(session, Node())
    place = next((field for field in named if field in LOCATION_FIELDS), None)
    product = next((field for field in named if field in PRODUCT_FIELDS), None)
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
        place_dimension=place,
        places=breakdown(session, Node(), place) if place else [],
        product_dimension=product,
        products=breakdown(session, Node(), product) if product else [],
        model=_model(session, run) if run else None,
    )


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
