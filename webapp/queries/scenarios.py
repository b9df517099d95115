"""Reads of what-if: whether there is something to try for a node, what is planned there, and what came of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import fsum

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from ml.db.catalog import Product, Series
from ml.db.drivers import Event
from ml.db.keys import hash_key, normalise
from ml.db.results import ForecastRun, ModelVersion
from ml.db.scenarios import Scenario, ScenarioResult
from ml.errors import NotFoundError
from ml.grains import Grain
from webapp.queries.cleaning import node_of
from webapp.queries.insights import stored_id
from webapp.queries.nodes import Node
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.shares import is_stored
from webapp.queries.stored import published_run

PROMOTIONS = ("promotion", "other")
"""Kinds of events that models know as promotions."""
KNOWN = "event"
"""The known column that they are (`ml.etl.plans`, which needs pandas to be loaded)."""


@dataclass(frozen=True)
class Trial:
    """What can be tried for a node: from `first` to `last`; or `why` nothing can."""

    first: date | None
    last: date | None
    series_id: int | None
    why: str = ""


@dataclass(frozen=True)
class ScenarioView:
    """A scenario with its node, and its forecast by period once there is one."""

    row: Scenario
    node: Node
    results: list[ScenarioResult]

    @property
    def planned(self) -> float | None:
        """Expected sales over all periods under the plan as it is."""
        return fsum(point.planned for point in self.results) if self.results else None

    @property
    def changed(self) -> float | None:
        """Expected sales over all periods with the changes."""
        return fsum(point.changed for point in self.results) if self.results else None

    @property
    def gain(self) -> float | None:
        """What the changes add."""
        return None if self.planned is None or self.changed is None else self.changed - self.planned


def trial(session: Session, node: Node, grain: Grain) -> Trial:
    """Whether promotions can be tried for a node, whose names are resolved, and when."""
    run = published_run(session, grain.name)
    if run is None:
        return nothing("There is no forecast yet that a plan could change.")
    model = session.get_one(ModelVersion, run.model_id)
    if KNOWN not in model.metrics.get("known", []):
        return nothing(why_unknown(grain))
    if not is_stored(run, node.location_level, node.product_level) or node.product_level == "subcategory":
        return nothing(
            f"Forecasts by {grain.word} are made by {level(run)}. A promotion of anything finer, or of a sub-category, "
            "is not seen by the model; go up to where one counts."
        )
    series_id = stored_id(session, node)
    if series_id is None:
        return nothing("No forecast of its own is stored here; go up to a part that has one.")
    last = grain.last_day(grain.shift(run.as_of, run.horizon))
    return Trial(grain.shift(run.as_of, 1), last, series_id)


def nothing(why: str) -> Trial:
    return Trial(None, None, None, why)


def level(run: ForecastRun) -> str:
    """The level that a run forecasts, in words."""
    names = [name for name in (run.location_level, run.product_level) if name != "total"]
    return " and ".join(names) or "all sales together"


def why_unknown(grain: Grain) -> str:
    """Why the model in charge would not notice another plan."""
    if grain.freq == "MS":
        return (
            "Forecasts by month know neither promotions nor prices: a month's total hides them. "
            "Try it by week or by day."
        )
    return (
        "The model in charge knows neither promotions nor prices, so another plan would change nothing. It learns "
        "promotions once there are some in the past that it learns from: enter them into the calendar of events, "
        "or mark them among the anomalies, and train anew."
    )


def planned_events(session: Session, node: Node, found: Trial) -> Sequence[Event]:
    """Promotions to come that lie wholly in a node, and begin in the periods that are forecast."""
    query = sa.select(Event).outerjoin(Product, Product.id == Event.product_id)
    category = sa.func.coalesce(Product.category, Event.category)
    columns: dict[str, sa.ColumnElement[str] | InstrumentedAttribute[str]] = {
        "region": Event.region, "territory": Event.territory, "area": Event.area,
    }  # fmt: skip
    if not node.product:
        columns |= {"category": category, "subcategory": Product.subcategory}
    named = [column == value for name, column in columns.items() if (value := getattr(node, name))]
    if node.product:
        named.append(Product.key == hash_key(normalise(node.product)))
    query = query.where(Event.kind.in_(PROMOTIONS), Event.starts_on.between(found.first, found.last), *named)
    return session.scalars(query.order_by(Event.starts_on, Event.id)).all()


def list_scenarios(
    session: Session, grain: str, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[ScenarioView]:
    """Scenarios of a grain, newest first."""
    page = newest_first(session, sa.select(Scenario).where(Scenario.grain == grain), Scenario.id, limit, below)
    return Page(scenario_views(session, page.items), page.next_below)


def get_scenario(session: Session, scenario_id: int) -> Scenario:
    """A scenario; raises NotFoundError, for one outside of what the caller may see as well."""
    found = session.scalar(sa.select(Scenario).where(Scenario.id == scenario_id))
    if found is None:
        raise NotFoundError(f"there is no scenario {scenario_id}.")
    return found


def scenario_view(session: Session, scenario_id: int) -> ScenarioView:
    """A scenario as it is shown; raises NotFoundError."""
    return scenario_views(session, [get_scenario(session, scenario_id)])[0]


def scenario_views(session: Session, rows: Sequence[Scenario]) -> list[ScenarioView]:
    """Scenarios with their nodes and results, in two queries for all."""
    columns = (Product.code, Product.name, Product.category, Product.subcategory)
    series = sa.select(Series, *columns).outerjoin(Product, Product.id == Series.product_id)
    found = session.execute(series.where(Series.id.in_({row.series_id for row in rows})))
    nodes = {one.id: node_of(one, *product) for one, *product in found}
    results: dict[int, list[ScenarioResult]] = {row.id: [] for row in rows}
    query = sa.select(ScenarioResult).where(ScenarioResult.scenario_id.in_(list(results)))
    for point in session.scalars(query.order_by(ScenarioResult.period)):
        results[point.scenario_id].append(point)
    return [ScenarioView(row, nodes[row.series_id], results[row.id]) for row in rows]


def events_of(session: Session, ids: Sequence[int]) -> Sequence[Event]:
    """Those of some events that are still there."""
    return session.scalars(sa.select(Event).where(Event.id.in_(ids)).order_by(Event.starts_on, Event.id)).all()
