"""History and forecast of any node: what the series page, the API and the exports show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import sqrt
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.keys import hash_key
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import NotEnoughHistoryError
from ml.grains import DAILY, GRAINS, MONTHLY, Coverage, Grain
from webapp.queries.history import HistoryPoint, history
from webapp.queries.nodes import Node, resolve
from webapp.queries.overrides import added
from webapp.queries.remembered import forecast_version, known_coverage, remembered
from webapp.queries.scope import UNSCOPED, current_scope
from webapp.queries.shares import base_level, clamp, is_stored, shares
from webapp.queries.stored import QUANTILES, base_names, published_run, results, within

CATEGORY_PROFILE = "category_profile"
"""How results name the model of series under three periods (`ml.models.profile`, which needs NumPy to be loaded)."""


MOST_NAMESAKES = 100
"""Series of one name, of which a run has at most one if that is to be told of."""


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """The forecast of one period: expected sales and the quantiles around them, as the system has them.

    `added` is what overrides add to the mean.
    """

    period: date
    mean: float
    p025: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p975: float
    added: float = 0.0

    @property
    def system(self) -> float:
        """The mean, beside the final forecast."""
        return self.mean

    @property
    def final(self) -> float:
        """Expected sales as people have changed them."""
        return max(0.0, self.mean + self.added) if self.added else self.mean


@dataclass(frozen=True)
class Outlook:
    """What was sold and what is expected.

    `bands` says whether the quantiles are 'stored' (calibrated for this very level),
    'approximate' (derived from the base series), or 'none'. `message` says why there
    is no forecast, where there is none.
    """

    node: Node
    history: list[HistoryPoint]
    forecast: list[ForecastPoint]
    as_of: date | None
    model: str
    trained_at: datetime | None
    bands: str
    run_id: int | None
    message: str | None
    grain: Grain = MONTHLY

    @property
    def overridden(self) -> bool:
        """Whether people have changed any of it."""
        return any(point.added for point in self.forecast)


def outlook(session: Session, node: Node, periods: int | None = None, grain: Grain = MONTHLY) -> Outlook:
    """History and forecast of `node`, the next `periods` (None: as many as every run has), as far as there are any.

    Raises NotFoundError where no sale carries its names.
    """
    whole = read_outlook(session, node, grain) if grain is DAILY else kept_outlook(session, node, grain)
    return replace(whole, history=list(whole.history), forecast=whole.forecast[: periods or grain.horizon])


def kept_outlook(session: Session, node: Node, grain: Grain) -> Outlook:
    """The outlook with all periods, made anew when what it shows has changed; one by day is too long to be kept."""
    key = ("outlook", grain.name, node, own_names(session, node), current_scope(), forecast_version(session, grain))
    return remembered(session, key, lambda: read_outlook(session, node, grain))


def own_names(session: Session, node: Node) -> tuple[str, ...]:
    """What a product is called, which is shown as it is now."""
    if not node.product:
        return ()
    names = sa.select(Product.name, Product.category, Product.subcategory)
    return tuple(session.execute(names.where(Product.key == hash_key(node.product))).one_or_none() or ())


def read_outlook(session: Session, node: Node, grain: Grain) -> Outlook:
    """The outlook as the database has it, with all periods."""
    coverage = known_coverage(session, grain)
    if coverage is None:
        return without_forecast(node, [], None, "No sales have been imported yet.", grain)
    node = resolve(session, node)
    past = history(session, node, coverage, grain)
    run = published_run(session, grain.name)
    if run is None:
        return without_forecast(node, past, coverage.last_complete, why_no_forecast(coverage, grain), grain)
    points, bands = forecast_points(session, run, node)
    if not points:
        return without_forecast(node, past, run.as_of, too_new(node, run), grain)
    lived = sum(point.period <= run.as_of for point in past)
    if lived < grain.least and not follows_kind(session, run, node):
        why = str(NotEnoughHistoryError(lived, grain.least, grain.unit))
        return without_forecast(node, past, run.as_of, why, grain)
    extra = added(session, run, node)
    points = [replace(point, added=extra[point.period]) if point.period in extra else point for point in points]
    model = session.get_one(ModelVersion, run.model_id)
    label = f"{model.model_type} ({model.model_name}/{model.version})"
    return Outlook(node, past, points, run.as_of, label, model.trained_at, bands, run.id, None, grain)


def follows_kind(session: Session, run: ForecastRun, node: Node) -> bool:
    """Whether a young series has a forecast worth the name all the same: by the profile of its category."""
    if not is_stored(run, node.location_level, node.product_level):
        return False
    return any(row.model_version.endswith(f":{CATEGORY_PROFILE}") for row in stored_rows(session, run, node)[:1])


def without_forecast(
    node: Node, past: list[HistoryPoint], as_of: date | None, message: str, grain: Grain = MONTHLY
) -> Outlook:
    """History alone, and why."""
    return Outlook(node, past, [], as_of, "", None, "none", None, message, grain)


def why_no_forecast(coverage: Coverage, grain: Grain = MONTHLY) -> str:
    """Why there are sales but no forecast."""
    if coverage.periods < grain.least:
        return str(NotEnoughHistoryError(coverage.periods, grain.least, grain.unit))
    return "No forecast has been published yet. It appears here when training and forecasting have finished."


def too_new(node: Node, run: ForecastRun) -> str:
    """Why a node has no forecast although one is published."""
    grain, as_of = GRAINS[run.grain], run.as_of
    last = f"{as_of:%B %Y}" if grain is MONTHLY else f"{grain.last_day(as_of).day} {grain.last_day(as_of):%B %Y}"
    whole = "" if grain is DAILY else "whole "
    return (
        f"{node.label} is not in the published forecast, which knows the {whole}{grain.unit} up to {last}. "
        f"It comes in with the first forecast made after its first {whole}{grain.word}."
    )


def forecast_points(session: Session, run: ForecastRun, node: Node) -> tuple[list[ForecastPoint], str]:
    """The points of `node`, and how its bands were made."""
    if is_stored(run, node.location_level, node.product_level):
        rows = stored_rows(session, run, node)
        if rows:
            return [_point(row, row.period, row.mean) for row in rows], "stored"
    return approximate_points(session, run, node), "approximate"


def stored_rows(session: Session, run: ForecastRun, node: Node) -> Sequence[ForecastResult]:
    """The rows of the one series that is stored for `node`, by period; none where there is none, or several are (a name
    that is not unique). The series comes first: it is found by its names, and its rows by run and series."""
    found = (
        sa.select(Series.id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(Series.location_level == node.location_level, Series.product_level == node.product_level, *within(node))
    )
    ids = session.scalars(found.limit(MOST_NAMESAKES)).all()
    query = sa.select(ForecastResult).where(ForecastResult.run_id == run.id, ForecastResult.series_id.in_(ids))
    rows = session.scalars(query.order_by(ForecastResult.period)).all()
    return rows if len({row.series_id for row in rows}) == 1 else []


def _point(row: ForecastResult, period: date, mean: float) -> ForecastPoint:
    return ForecastPoint(period, mean, **{name: getattr(row, name) for name in QUANTILES})


WHOLE = {UNSCOPED: "base forecasts of which the caller gets the parts that they may see"}


def approximate_points(session: Session, run: ForecastRun, node: Node) -> list[ForecastPoint]:
    """Points of a node that has no row of its own, from the base series it has shares in.

    Means are exact sums. Each base series' distance from its mean to a quantile shrinks with the square
    root of the share, as for a sum of independent sales; distances of several series are combined with the
    correlation that the stored total shows (`correlation`).
    """
    names = base_names(run)
    parts = {share.base: share.part for share in shares(session, run, node, [])}
    query = results(run, *base_level(run), clamp(node, run)).add_columns(*names).execution_options(**WHOLE)
    by_period: dict[date, list[tuple[float, ForecastResult]]] = defaultdict(list)
    for row, *key in session.execute(query):
        part = parts.get(tuple(key))
        if part is not None:  # 0 for what has not sold lately: that is a forecast, too
            by_period[row.period].append((part, row))
    rho = correlation(session, run) if len(parts) > 1 else 0.0
    return [_combine(period, by_period[period], rho) for period in sorted(by_period)]


def _combine(period: date, rows: list[tuple[float, ForecastResult]], rho: float) -> ForecastPoint:
    mean = sum(part * row.mean for part, row in rows)
    quantiles = {}
    for name in QUANTILES:
        steps = [sqrt(part) * (getattr(row, name) - row.mean) for part, row in rows]
        size = sqrt((1 - rho) * sum(step * step for step in steps) + rho * sum(steps) ** 2)
        quantiles[name] = max(0.0, mean + (size if sum(steps) > 0 else -size))
    return ForecastPoint(period, mean, **quantiles)


def correlation(session: Session, run: ForecastRun) -> float:
    """How much errors of base series go together: what makes their P90s combine to the stored total's.

    With distances d of P90 above the mean, the total's satisfies D² = (1 - rho) sum d² + rho (sum d)². It is taken
    from the periods that every run has.
    """
    distance = ForecastResult.p90 - ForecastResult.mean
    base = results(run, *base_level(run), Node()).with_only_columns(
        sa.func.sum(distance * distance), sa.func.sum(distance), maintain_column_froms=True
    )
    base = base.where(usual(run)).execution_options(**WHOLE)
    total = results(run, "total", "total", Node()).with_only_columns(distance, maintain_column_froms=True)
    total = total.where(usual(run)).execution_options(**WHOLE)
    alone, together, found = 0.0, 0.0, 0.0
    for row in session.execute(base.group_by(ForecastResult.period)):
        alone, together = alone + row[0], together + row[1] ** 2
    for value in session.scalars(total):
        found += value**2
    return min(1.0, max(0.0, (found - alone) / (together - alone))) if together > alone else 1.0


def usual(run: ForecastRun) -> sa.ColumnElement[bool]:
    """The periods that every run of a grain has; somebody may have asked this one for more (`ml.pipelines.extend`)."""
    grain = GRAINS[run.grain]
    return ForecastResult.period <= grain.shift(run.as_of, grain.horizon)


def expected_sums(
    session: Session,
    run: ForecastRun,
    node: Node,
    level: tuple[str, str],
    columns: list[Any],
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[Any, float]:
    """Expected sales over the periods that every run has, by the stored series of `level` within `node`, which
    `columns` name."""
    total = sa.func.sum(ForecastResult.mean)
    query = results(run, *level, node).with_only_columns(*columns, total, maintain_column_froms=True)
    query = query.where(usual(run))
    rows = session.execute(query.group_by(*columns), execution_options=options)
    return {tuple(names): float(value) for *names, value in rows}
