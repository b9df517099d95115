"""Reads of anomalies to be answered: ranked by the money that they are about, with the names of their series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.insights import ANOMALY_VERDICTS, Anomaly
from ml.db.results import ForecastRun
from ml.errors import NotFoundError
from ml.grains import GRAINS, MONTHLY
from webapp.queries.cleaning import node_of
from webapp.queries.nodes import Node
from webapp.queries.stored import published_run

NAMES = (Series.region, Series.territory, Series.area, Series.category, Series.subcategory)
LEVELS = ("base", "above")


@dataclass(frozen=True)
class AnomalyFilter:
    """Which anomalies; '' and 0 leave a part open. `level` is base (series that are forecast) or above (their sums),
    `verdict` also 'answered': any but open. `recent` is a number of periods up to the last one that was looked at."""

    grain: str = MONTHLY.name
    verdict: str = "open"
    kind: str = ""
    level: str = "base"
    q: str = ""
    recent: int = 0


@dataclass(frozen=True)
class AnomalyView:
    """An anomaly with the names of its series; see `ml.db.insights.Anomaly`."""

    id: int
    series_id: int
    node: Node
    grain: str
    period: date
    kind: str  # spike, drop
    value: float
    usual: float
    score: float
    reason: str
    around: dict[str, Any] | None
    verdict: str
    decided_by: str
    decided_at: datetime | None

    @property
    def money(self) -> float:
        """What it is about: the difference between what was sold and what is usual."""
        return abs(self.value - self.usual)


@dataclass(frozen=True)
class AnomalyPage:
    """Some anomalies, what most money is about first; how many there are in all, and the money of all."""

    items: list[AnomalyView]
    total: int
    money: float


def ranked_anomalies(session: Session, wanted: AnomalyFilter, limit: int, offset: int = 0) -> AnomalyPage:
    """The anomalies that the filter leaves, `offset` left out."""
    run = published_run(session, wanted.grain)
    if run is None:
        return AnomalyPage([], 0, 0.0)
    found, money = _joined().where(*conditions(wanted, run)), sa.func.abs(Anomaly.value - Anomaly.usual)
    sums = found.with_only_columns(sa.func.count(Anomaly.id), sa.func.sum(money), maintain_column_froms=True)
    total, at_stake = session.execute(sums).one()
    rows = session.execute(found.order_by(money.desc(), Anomaly.id).limit(limit).offset(offset))
    return AnomalyPage([view_of(*row) for row in rows], total, float(at_stake or 0.0))


def conditions(wanted: AnomalyFilter, run: ForecastRun) -> list[sa.ColumnElement[bool]]:
    """What a filter asks of anomalies joined with their series and products."""
    base = sa.and_(Series.location_level == run.location_level, Series.product_level == run.product_level)
    found: list[sa.ColumnElement[bool]] = [Anomaly.grain == wanted.grain]
    if wanted.verdict in ANOMALY_VERDICTS:
        found.append(Anomaly.verdict == wanted.verdict)
    elif wanted.verdict == "answered":
        found.append(Anomaly.verdict != "open")
    if wanted.kind:
        found.append(Anomaly.kind == wanted.kind)
    if wanted.level in LEVELS:
        found.append(base if wanted.level == "base" else sa.not_(base))
    if wanted.recent:
        found.append(Anomaly.period > GRAINS[wanted.grain].shift(run.as_of, -wanted.recent))
    if wanted.q:
        named = (*NAMES, Product.code, Product.name, Product.category, Product.subcategory)
        found.append(sa.or_(*(name.icontains(wanted.q, autoescape=True) for name in named)))
    return found


def anomaly_views(session: Session, ids: list[int]) -> list[AnomalyView]:
    """Those of some anomalies that there are, in the order of their ids."""
    rows = session.execute(_joined().where(Anomaly.id.in_(ids)).order_by(Anomaly.id))
    return [view_of(*row) for row in rows]


def get_anomaly(session: Session, anomaly_id: int) -> AnomalyView:
    """One anomaly; raises NotFoundError."""
    found = anomaly_views(session, [anomaly_id])
    if not found:
        raise no_anomaly(anomaly_id)
    return found[0]


def no_anomaly(anomaly_id: int) -> NotFoundError:
    """What to say where there is no such anomaly: they come and go with the data."""
    return NotFoundError(f"there is no anomaly {anomaly_id}; it may have gone since the sales have changed.")


def anomalies_of_series(session: Session, series_id: int, grain: str) -> list[AnomalyView]:
    """All anomalies of a series."""
    rows = session.execute(_joined().where(Anomaly.series_id == series_id, Anomaly.grain == grain))
    return [view_of(*row) for row in rows]


def view_of(one: Anomaly, series: Series, *product: Any) -> AnomalyView:
    """A row of anomaly, series, and the product's code, name, category and subcategory."""
    return AnomalyView(
        one.id, one.series_id, node_of(series, *product), one.grain, one.period, one.kind, one.value, one.usual,
        one.score, one.reason, one.around, one.verdict, one.decided_by, one.decided_at,
    )  # fmt: skip


def _joined() -> sa.Select[Any]:
    columns: list[Any] = [Anomaly, Series, Product.code, Product.name, Product.category, Product.subcategory]
    return (
        sa.select(*columns)
        .join(Series, Series.id == Anomaly.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
    )
