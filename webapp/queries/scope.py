"""What a limited account or token may see, added to every query in one place.

While a request is served, it is known who asks (`limit`). Every SELECT, UPDATE and DELETE of any session that
touches a table below gets the conditions of that scope, in subqueries and joins too: no query can forget them. What
cannot be limited so (statements on tables instead of classes), and what asks before it is known who asks, is refused.
A table that is neither limited nor listed as open fails a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql import visitors

from ml.db import (
    catalog,
    cleaning,
    drivers,
    imports,
    insights,
    inventory,
    overrides,
    profiles,
    receivables,
    restock,
    results,
    sales,
    scenarios,
)
from ml.db.base import Base
from ml.db.keys import normalise
from ml.hierarchy import LOCATION_LEVELS

UNSCOPED = "unscoped"
"""The execution option of the few statements that read more than their caller may see: why they may."""

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Scope:
    """Regions, and territories by region and name, that a caller is limited to; of nothing else is anything seen."""

    regions: tuple[str, ...] = ()
    territories: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """The scope that a row holds; None for everything."""
        if stored is None:
            return None
        return cls.made(stored["regions"], [(region, name) for region, name in stored["territories"]])

    @classmethod
    def made(cls, regions: Iterable[str], territories: Iterable[tuple[str, str]]) -> Self:
        """A scope of names as people write them; territories of regions that are named are left out."""
        whole = {normalise(name) for name in regions}
        pairs = {(normalise(region), normalise(name)) for region, name in territories}
        return cls(tuple(sorted(whole)), tuple(sorted(pair for pair in pairs if pair[0] not in whole)))

    def stored(self) -> dict[str, Any]:
        """The scope as a row holds it."""
        return {"regions": list(self.regions), "territories": [list(pair) for pair in self.territories]}

    @property
    def level(self) -> str:
        """The coarsest level of places of which every total is either wholly inside or wholly outside."""
        return "territory" if self.territories else "region"

    def covers(self, region: str, territory: str = "") -> bool:
        """Whether all of a place lies inside."""
        return normalise(region) in self.regions or (normalise(region), normalise(territory)) in self.territories

    def inside(self, facts: Any) -> Condition:
        """The rows of `facts` (a class with the columns region and territory) that lie inside."""
        pairs = (sa.and_(facts.region == region, facts.territory == name) for region, name in self.territories)
        return sa.or_(facts.region.in_(self.regions), *pairs)


@dataclass(frozen=True)
class Caller:
    """Who asks, as the conditions need it; `scope` is None where everything may be seen."""

    name: str
    scope: Scope | None


def inside(facts: Any) -> Callable[[Caller, Scope], Condition]:
    return lambda _, scope: scope.inside(facts)


def of_series(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """Facts that name their series."""
    return lambda _, scope: facts.series_id.in_(sa.select(catalog.Series.id).where(scope.inside(catalog.Series)))


def nowhere(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """Rows that cannot be told by place."""
    return lambda _, __: facts.id.in_(())


def in_region(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """Rows of whole regions, and of none (everywhere)."""
    return lambda _, scope: facts.region.in_(("", *scope.regions, *(region for region, _ in scope.territories)))


def touches(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """Rows of places that lie inside or around what may be seen; '' is every place."""

    def condition(_: Caller, scope: Scope) -> Condition:
        pairs = (sa.and_(facts.region == region, facts.territory.in_(("", name))) for region, name in scope.territories)
        return sa.or_(facts.region.in_(("", *scope.regions)), *pairs)

    return condition


def at_home(customers: Any) -> Callable[[Caller, Scope], Condition]:
    """Customers inside, and those of whom no region is known."""
    return lambda _, scope: sa.or_(customers.region == "", scope.inside(customers))


def of_customer(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """What customers inside owe and order; those of whom no region is known are nobody's but who sees everything."""
    mine = catalog.Customer
    return lambda _, scope: facts.customer_id.in_(sa.select(mine.id).where(scope.inside(mine)))


def of_invoice(payments: Any) -> Callable[[Caller, Scope], Condition]:
    """Payments of the invoices of customers inside."""
    invoices = receivables.Invoice
    inner = of_customer(invoices)
    return lambda caller, scope: payments.invoice_ref.in_(sa.select(invoices.invoice_ref).where(inner(caller, scope)))


def in_whole_region(facts: Any) -> Callable[[Caller, Scope], Condition]:
    """Rows of regions that are seen as a whole."""
    return lambda _, scope: facts.region.in_(scope.regions)


def own(rows: Any) -> Callable[[Caller, Scope], Condition]:
    """Imports that the caller made: what a limited caller may push lies inside."""
    return lambda caller, _: rows.created_by == caller.name


def of_own_import(rows: Any) -> Callable[[Caller, Scope], Condition]:
    return lambda caller, _: rows.import_id.in_(
        sa.select(imports.Import.id).where(imports.Import.created_by == caller.name)
    )


def of_override(rows: Any) -> Callable[[Caller, Scope], Condition]:
    """What overrides inside say; who sees more than one region does not see what was said of all."""
    mine = overrides.ForecastOverride
    return lambda _, scope: rows.override_id.in_(sa.select(mine.id).where(scope.inside(mine)))


def of_scenario(rows: Any) -> Callable[[Caller, Scope], Condition]:
    """What came of scenarios inside."""
    mine = scenarios.Scenario
    return lambda caller, scope: rows.scenario_id.in_(sa.select(mine.id).where(of_series(mine)(caller, scope)))


LIMITED: dict[type[Base], Callable[[Caller, Scope], Condition]] = {
    **{facts: inside(facts) for facts in (sales.SalesRaw, sales.SalesSuperseded, catalog.Series)},
    **{facts: inside(facts) for facts in (sales.SalesDaily, sales.SalesWeekly, sales.SalesMonthly)},
    **{facts: inside(facts) for facts in (profiles.SeriesProfile, profiles.AccuracyCell)},
    **{rows: inside(rows) for rows in (restock.StockPlan, restock.Recommendation)},
    **{facts: of_series(facts) for facts in (results.ForecastResult, cleaning.CleaningFlag, insights.Anomaly)},
    results.ForecastFactor: of_series(results.ForecastFactor),
    overrides.ForecastOverride: inside(overrides.ForecastOverride),
    overrides.OverrideValue: of_override(overrides.OverrideValue),
    overrides.OverrideDelta: of_series(overrides.OverrideDelta),
    scenarios.Scenario: of_series(scenarios.Scenario),
    scenarios.ScenarioResult: of_scenario(scenarios.ScenarioResult),
    catalog.Customer: at_home(catalog.Customer),
    drivers.Event: touches(drivers.Event),
    drivers.Regressor: in_region(drivers.Regressor),
    **{facts: of_customer(facts) for facts in (receivables.Invoice, receivables.CollectionAction)},
    **{facts: of_customer(facts) for facts in (receivables.PaymentPrediction, receivables.CustomerRisk)},
    **{facts: of_customer(facts) for facts in (receivables.ReceivableFigure, receivables.NextOrder)},
    receivables.Payment: of_invoice(receivables.Payment),
    receivables.CashItem: in_whole_region(receivables.CashItem),
    **{facts: nowhere(facts) for facts in (receivables.CashPosition, receivables.CashForecast)},
    imports.Import: own(imports.Import),
    imports.RejectedRow: of_own_import(imports.RejectedRow),
    **{rows: nowhere(rows) for rows in (sales.SalesRepeat, imports.RecordVersion)},
    **{rows: nowhere(rows) for rows in (inventory.StockLevel, inventory.PurchaseOrder, inventory.JobOrder)},
    **{rows: nowhere(rows) for rows in (restock.StockReport, restock.StockSimulation)},
}
"""The tables with figures of places, and what a limited caller sees of each."""

OPEN = frozenset(
    {
        "products",
        "suppliers",
        "supplier_products",
        "stock_places",
        "stock_policies",
        "plan_runs",
        "sources",
        "cleaning_policies",
        "collect_models",
        "collect_runs",
        "model_registry",
        "model_promotions",
        "forecast_runs",
        "forecast_partitions",
        "drift_reports",
        "job_runs",
        "schedules",
        "promised_runs",
        "leases",
        "alert_rules",
        "alerts",
        "notifications",
        "outbox",
        "roles",
        "users",
        "login_sessions",
        "saved_views",
        "refresh_tokens",
        "invitations",
        "service_tokens",
        "sign_in_throttles",
        "audit_log",
        "idempotency_keys",
        "webhook_endpoints",
        "webhook_deliveries",
    }
)
"""Tables without figures of places; who may read them is a matter of permissions alone."""

LIMITED_TABLES = frozenset(entity.__tablename__ for entity in LIMITED)


NOBODY = Caller("", Scope())
"""Who asks while a request is not identified yet."""

_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def limit(caller: Caller | None) -> None:
    """Let this thread's queries see what `caller` may; None, where no request is served: everything."""
    _caller.set(caller)


def current_scope() -> Scope | None:
    """What the request is limited to; None where it may see everything. Part of the key of whatever is cached."""
    caller = _caller.get()
    return caller.scope if caller else None


def seen(facts: Any) -> list[Condition]:
    """The conditions on `facts` for statements that are UNSCOPED and tell apart themselves what is inside."""
    scope = current_scope()
    return [scope.inside(facts)] if scope else []


def sees_level(location_level: str) -> bool:
    """Whether stored totals of a level of places are whole for the caller: none of them holds what is not seen."""
    scope = current_scope()
    return scope is None or LOCATION_LEVELS.index(location_level) >= LOCATION_LEVELS.index(scope.level)


def only_place() -> dict[str, str]:
    """The names of the one region or territory that the caller is limited to; {} where there are more, or no limit."""
    scope = current_scope()
    if scope is None or len(scope.regions) + len(scope.territories) != 1:
        return {}
    if scope.regions:
        return {"region": scope.regions[0]}
    return dict(zip(("region", "territory"), scope.territories[0], strict=True))


@sa.event.listens_for(Session, "do_orm_execute")
def add_scope(state: ORMExecuteState) -> None:
    """The one place: called before every statement of every session."""
    caller = _caller.get()
    if caller is None or caller.scope is None or state.is_insert or UNSCOPED in state.execution_options:
        return
    if caller is NOBODY:
        refuse_limited(state.statement, "before it is known who asks")
    elif not state.is_orm_statement:
        refuse_limited(state.statement, "without its class, so it cannot be limited")
    else:
        state.statement = state.statement.options(*criteria(caller, caller.scope))


def criteria(caller: Caller, scope: Scope) -> list[Any]:
    """The conditions on every table that is limited; an alias of customers is not: see `webapp.queries.sales`."""
    return [
        with_loader_criteria(entity, condition(caller, scope), include_aliases=entity is not catalog.Customer)
        for entity, condition in LIMITED.items()
    ]


def refuse_limited(statement: Any, why: str) -> None:
    """Raise RuntimeError for a statement on figures of places."""
    found = {part.name for part in visitors.iterate(statement) if isinstance(part, sa.Table)} & LIMITED_TABLES
    if found:
        raise RuntimeError(f"a query reads {', '.join(sorted(found))} {why}; see webapp.queries.scope.")
