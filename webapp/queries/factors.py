"""Reads of what makes up the forecast of a series for its next period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import exp, log

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ForecastFactor, ForecastResult, ForecastRun, ModelVersion
from ml.explain.themes import BASE, words_of
from ml.grains import MONTHLY, Grain
from webapp.errors import NoForecastError
from webapp.queries.forecasts import too_new
from webapp.queries.insights import get_series, stored_id
from webapp.queries.nodes import Node
from webapp.queries.stored import published_run


@dataclass(frozen=True)
class Factor:
    """What a theme does to a forecast: units that it adds, what it multiplies by (null where that has no meaning)."""

    theme: str
    name: str
    units: float
    factor: float | None


@dataclass(frozen=True)
class SeriesFactors:
    """What makes up the forecast for `period`: `base` plus all units is the forecast, base times all factors as well.

    Without factors `base` is null, and `message` says why there are none. The largest come first.
    """

    node: Node
    series_id: int
    run_id: int
    as_of: date
    period: date
    model: str
    forecast: float
    base: float | None
    factors: list[Factor]
    message: str | None


def factors_of_series(session: Session, series_id: int, grain: Grain = MONTHLY) -> SeriesFactors:
    """What makes up the published forecast of a series.

    Raises NotFoundError for an unknown series, NoForecastError where none is published for it.
    """
    _, node = get_series(session, series_id)
    run = published_run(session, grain.name)
    if run is None:
        raise NoForecastError("there is no forecast yet. Import sales, or train a model.")
    found = factors_of_run(session, run, node, series_id)
    if found is None:
        raise NoForecastError(too_new(node, run))
    return found


def factors_of_node(session: Session, run_id: int, node: Node) -> SeriesFactors | None:
    """What makes up the forecast of a node in a run; None where no forecast of its own is stored."""
    series_id = stored_id(session, node)
    if series_id is None:
        return None
    return factors_of_run(session, session.get_one(ForecastRun, run_id), node, series_id)


def factors_of_run(session: Session, run: ForecastRun, node: Node, series_id: int) -> SeriesFactors | None:
    """What makes up the forecast of a stored series in a run; None where it is not in it."""
    issued = session.execute(
        sa.select(ForecastResult.period, ForecastResult.mean)
        .where(ForecastResult.run_id == run.id, ForecastResult.series_id == series_id)
        .order_by(ForecastResult.period)
        .limit(1)
    ).one_or_none()
    if issued is None:
        return None
    query = sa.select(ForecastFactor).where(ForecastFactor.run_id == run.id, ForecastFactor.series_id == series_id)
    units = {row.theme: row.units for row in session.scalars(query)}
    model = session.get_one(ModelVersion, run.model_id)
    forecast, message = float(issued.mean), None if units else why_none(session, run)
    base = units.pop(BASE, 0.0) if units else None
    found = made_factors(units, base or 0.0, forecast)
    return SeriesFactors(
        node, series_id, run.id, run.as_of, issued.period, model.model_type, forecast, base, found, message
    )


def made_factors(units: dict[str, float], base: float, forecast: float) -> list[Factor]:
    """Themes by the size of what they add; factors by the logarithmic mean of base and forecast (Ang 2004)."""
    scale = None
    if base > 0 and forecast > 0:
        moved = abs(forecast - base) > 1e-9 * base
        scale = log(forecast / base) / (forecast - base) if moved else 1 / base
    found = [
        Factor(theme, words_of(theme), added, exp(added * scale) if scale is not None else None)
        for theme, added in units.items()
    ]
    return sorted(found, key=lambda one: (-abs(one.units), one.theme))


def why_none(session: Session, run: ForecastRun) -> str:
    """Why a forecast of a run is not taken apart."""
    if session.scalar(sa.select(ForecastFactor.id).where(ForecastFactor.run_id == run.id).limit(1)) is not None:
        return "Only the largest series are taken apart, and all totals; this series is too small for it."
    return "This model cannot be taken apart by what it looks at, or the forecast was made before that was stored."
