"""Reads of what series and forecasts are made of: decomposition, anomalies, plain outlook, drift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.drivers import Event
from ml.db.insights import Anomaly, DriftReport
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import NotEnoughHistoryError, NotFoundError
from ml.etl.cleaning.events import concerns, overlap
from ml.explain.decomposition import Decomposition, decompose
from ml.grains import GRAINS, MONTHLY, Grain
from ml.outlook import QUANTILES, Expected, HoldOut, SimpleOutlook, simple_outlook
from webapp.errors import NoForecastError
from webapp.queries import forecasts
from webapp.queries.history import history
from webapp.queries.nodes import Node
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.remembered import known_coverage
from webapp.queries.stored import within

ISSUED, BACKTEST = "issued forecasts", "backtest"
FEWEST_ISSUED = 3
"""Periods whose issued forecasts tell how good they are."""


@dataclass(frozen=True)
class NodeOutlook:
    """The plain outlook of a node for `period`; `series_id` is null where no series is stored for it."""

    node: Node
    series_id: int | None
    as_of: date
    period: date
    run_id: int | None
    model: str
    bands: str
    outlook: SimpleOutlook


def get_series(session: Session, series_id: int) -> tuple[Series, Node]:
    """A series with its names; raises NotFoundError, also for one without a name that tells it from all others."""
    columns = (Product.code, Product.name, Product.category, Product.subcategory)
    query = sa.select(Series, *columns).outerjoin(Product, Product.id == Series.product_id)
    row = session.execute(query.where(Series.id == series_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no series {series_id}; take the id of one as flags and outlooks name it.")
    series: Series = row[0]
    category, subcategory = row.category or series.category, row.subcategory or series.subcategory
    node = Node(
        series.region, series.territory, series.area, category, subcategory, row.code or "", row.name or ""
    )  # fmt: skip
    if (node.location_level, node.product_level) != (series.location_level, series.product_level):
        raise NotFoundError(f"series {series_id} holds sales without a name, which cannot be looked at on their own.")
    return series, node


def decomposition(
    session: Session, series_id: int, grain: Grain = MONTHLY
) -> tuple[Node, list[date], list[float], Decomposition]:
    """The complete periods of a series, its sales in them, and what these are made of.

    Raises NotFoundError, and NotEnoughHistoryError below three months of complete periods.
    """
    series, node = get_series(session, series_id)
    coverage = known_coverage(session, grain)
    coverage = coverage and coverage.learned(grain)
    points = [point for point in history(session, node, coverage, grain) if not point.partial] if coverage else []
    if len(points) < grain.least:
        raise NotEnoughHistoryError(len(points), grain.least, grain.unit)
    periods, sales = [point.period for point in points], [point.sales for point in points]
    found = decompose(sales, grain.season_length, event_shares(session, series, node, periods, grain))
    return node, periods, sales, found


def event_shares(
    session: Session, series: Series, node: Node, periods: Sequence[date], grain: Grain = MONTHLY
) -> dict[str, list[float]]:
    """By event, the share of the days of each period that it covers; those that recur under one name are one."""
    end = grain.last_day(periods[-1])
    query = sa.select(Event).where(Event.starts_on <= end, Event.ends_on >= periods[0]).order_by(Event.id)
    names = {**node.params(), "product_id": series.product_id}
    shares: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(periods))
    for event in session.scalars(query):
        if not concerns(event, names):
            continue
        covered = shares[f"{event.kind} {event.name}".strip()]
        begins, ends = grain.start(max(event.starts_on, periods[0])), min(event.ends_on, end)
        for at in range(grain.count(periods[0], begins) - 1, grain.count(periods[0], grain.start(ends))):
            first, last = periods[at], grain.last_day(periods[at])
            covered[at] = min(1.0, covered[at] + overlap(event, first, last) / ((last - first).days + 1))
    return dict(shares)


def anomalies(session: Session, series_id: int, grain: Grain = MONTHLY) -> tuple[Node, date | None, Sequence[Anomaly]]:
    """A series' anomalies, the latest period first, and the last period that was looked at; null before any check."""
    _, node = get_series(session, series_id)
    query = sa.select(Anomaly).where(Anomaly.series_id == series_id, Anomaly.grain == grain.name)
    found = session.scalars(query.order_by(Anomaly.period.desc())).all()
    checked = sa.select(sa.func.max(DriftReport.as_of)).where(DriftReport.grain == grain.name)
    return node, session.scalar(checked), found


def plain_outlook(session: Session, node: Node, confidence: int = 80, grain: Grain = MONTHLY) -> NodeOutlook:
    """The next period of `node`, with growth, accuracy and a likely downturn.

    Raises NotFoundError for names that no sale carries, NoForecastError where none is published for them.
    """
    return plainly(session, forecasts.outlook(session, node, grain=grain), confidence)


def plainly(session: Session, view: forecasts.Outlook, confidence: int) -> NodeOutlook:
    """The next period of what an outlook shows; raises NoForecastError where it shows no forecast."""
    if not view.forecast or view.as_of is None or view.run_id is None:
        raise NoForecastError(view.message or "there is no forecast yet. Import sales, or train a model.")
    series_id = stored_id(session, view.node)
    found = simple_outlook(
        [point.sales for point in view.history if not point.partial and point.period <= view.as_of],
        [Expected(point.mean, tuple(getattr(point, name) for name in QUANTILES)) for point in view.forecast],
        view.grain.season_length,
        view.grain.word,
        hold_out=hold_out(session, view.run_id, view.node, series_id),
        confidence=confidence,
    )
    return NodeOutlook(
        view.node, series_id, view.as_of, view.forecast[0].period, view.run_id, view.model, view.bands, found
    )


def stored_id(session: Session, node: Node) -> int | None:
    """The series that is stored for a node; null where none is, or several are (a name that is not unique)."""
    query = (
        sa.select(Series.id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(Series.location_level == node.location_level, Series.product_level == node.product_level, *within(node))
    )
    found = session.scalars(query.limit(2)).all()
    return found[0] if len(found) == 1 else None


def hold_out(session: Session, run_id: int, node: Node, series_id: int | None) -> HoldOut | None:
    """Errors of the series' own issued forecasts, of a season at most, once there are FEWEST_ISSUED of them; else those
    of the backtest at its level. None where neither is known."""
    run = session.get_one(ForecastRun, run_id)
    result, grain = ForecastResult, GRAINS[run.grain]
    query = sa.select(
        sa.func.avg(sa.func.abs(result.mean - result.actual)).label("mae"),
        sa.func.avg(result.actual).label("mean"),
        sa.func.count(result.period.distinct()).label("periods"),
    ).where(
        result.series_id == series_id,
        result.grain == run.grain,
        result.actual.is_not(None),
        result.period > grain.shift(run.as_of, -max(grain.season_length, grain.horizon)),
    )
    if series_id is not None:
        row = session.execute(query).one()
        if row.periods >= FEWEST_ISSUED:
            return HoldOut(float(row.mae), float(row.mean), ISSUED)
    model = session.get_one(ModelVersion, run.model_id)
    by_level = model.metrics.get("levels", {}).get(model.model_type, {})
    wape = by_level.get(f"{node.location_level}/{node.product_level}")
    return None if wape is None else HoldOut(wape, 1.0, BACKTEST)


def drift_reports(
    session: Session, grain: str | None = None, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[DriftReport]:
    """Drift reports, newest first."""
    query = sa.select(DriftReport)
    if grain:
        query = query.where(DriftReport.grain == grain)
    return newest_first(session, query, DriftReport.id, limit, below)


def list_anomalies(
    session: Session,
    *,
    grain: str | None = None,
    kind: str | None = None,
    verdict: str | None = None,
    series_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Anomaly]:
    """Anomalies of all series, the last found first."""
    query = sa.select(Anomaly)
    wanted = {Anomaly.grain: grain, Anomaly.kind: kind, Anomaly.verdict: verdict, Anomaly.series_id: series_id}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if since is not None:
        query = query.where(Anomaly.period >= since)
    if until is not None:
        query = query.where(Anomaly.period <= until)
    return newest_first(session, query, Anomaly.id, limit, below)
