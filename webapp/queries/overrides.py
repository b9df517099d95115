"""Reads of overrides: what they add to a forecast, what there are, and what they were worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.overrides import ForecastOverride, OverrideDelta, OverrideValue
from ml.db.results import ForecastRun
from ml.errors import NotFoundError
from webapp.queries.nodes import Node
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from webapp.queries.scope import UNSCOPED, sees_level
from webapp.queries.shares import clamp, is_stored, shares
from webapp.queries.stored import base_names, within

WHOLE = {UNSCOPED: "what was added to base series, of which the caller gets the parts that they may see"}


@dataclass(frozen=True)
class ValueView:
    """One period of an override; see `ml.db.overrides.OverrideValue`."""

    period: date
    value: float
    system: float | None
    before: float | None
    after: float | None
    final: float | None
    actual: float | None


@dataclass(frozen=True)
class OverrideView:
    """An override with the names of its part, and what it says by period."""

    id: int
    node: Node
    grain: str
    kind: str
    reason: str
    comment: str
    state: str
    created_by: str
    created_at: datetime
    activated_at: datetime | None
    decided_by: str
    ended_by: str
    ended_at: datetime | None
    values: list[ValueView]

    @property
    def added(self) -> float | None:
        """What it adds over all its periods, in the run that it was applied to last; None before it applies."""
        known = [
            value.after - value.before for value in self.values if value.after is not None and value.before is not None
        ]
        return sum(known) if known else None


@dataclass(frozen=True)
class OverrideFilter:
    """Which overrides; None leaves a part open. A node means the overrides of that very part."""

    grain: str | None = None
    state: str | None = None
    created_by: str | None = None
    node: Node | None = None


@dataclass(frozen=True)
class AddedValue:
    """Errors of what was forecast for overridden periods that are over, step by step, as shares of what was sold.

    `naive` repeats the season before, `override` is the forecast with that one override, `final` with all of them.
    """

    periods: int
    naive: float | None
    system: float | None
    override: float | None
    final: float | None
    person: str = ""

    @property
    def gain(self) -> float | None:
        """By how much less the final forecast was off than the system's; negative where overrides did harm."""
        return None if self.system is None or self.final is None else self.system - self.final


def added(session: Session, run: ForecastRun, node: Node) -> dict[date, float]:
    """What overrides add to the run's forecast of a node, by period; {} where there are none.

    A node finer than the base series gets its shares of what was added to these, and what was added to its own leaves.
    """
    any_at_all = sa.select(OverrideDelta.id).where(OverrideDelta.run_id == run.id).limit(1)
    if session.scalar(any_at_all, execution_options=WHOLE) is None:
        return {}
    query = deltas(run).where(*within(node))
    if is_stored(run, node.location_level, node.product_level) and sees_level(run.location_level):
        return {period: float(amount) for period, amount in session.execute(query)}
    leaves = query.where(sa.not_(is_base(run)))
    found: dict[date, float] = defaultdict(float, {period: float(amount) for period, amount in session.execute(leaves)})
    names = base_names(run)
    base = deltas(run).where(*within(clamp(node, run)), is_base(run)).add_columns(*names).group_by(*names)
    parts = {share.base: share.part for share in shares(session, run, node, [])}
    for period, amount, *key in session.execute(base, execution_options=WHOLE):
        found[period] += parts.get(tuple(key), 0.0) * float(amount)
    return dict(found)


def deltas(run: ForecastRun) -> sa.Select[date, float]:
    """Sums of what overrides added to series, by period; conditions to come."""
    return (
        sa.select(OverrideDelta.period, sa.func.sum(OverrideDelta.amount))
        .join(Series, Series.id == OverrideDelta.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(OverrideDelta.run_id == run.id)
        .group_by(OverrideDelta.period)
    )


def is_base(run: ForecastRun) -> sa.ColumnElement[bool]:
    return sa.and_(Series.location_level == run.location_level, Series.product_level == run.product_level)


def list_overrides(
    session: Session, wanted: OverrideFilter, limit: int = DEFAULT_LIMIT, below: int | None = None
) -> Page[OverrideView]:
    """Overrides, newest first."""
    query = sa.select(ForecastOverride)
    for name in ("grain", "state", "created_by"):
        if value := getattr(wanted, name):
            query = query.where(getattr(ForecastOverride, name) == value)
    if wanted.node is not None:
        query = query.where(*of_node(wanted.node))
    page = newest_first(session, query, ForecastOverride.id, limit, below)
    return Page(override_views(session, page.items), page.next_below)


def of_node(node: Node) -> list[sa.ColumnElement[bool]]:
    """The overrides of a very node; a product is known by its code alone."""
    mine = ForecastOverride
    found = [getattr(mine, name) == getattr(node, name) for name in ("region", "territory", "area")]
    found += [mine.location_level == node.location_level, mine.product_level == node.product_level]
    if node.product:
        product = sa.select(Product.id).where(Product.code == node.product)
        return [*found, mine.product_id.in_(product)]
    return [*found, mine.category == node.category, mine.subcategory == node.subcategory]


def get_override(session: Session, override_id: int) -> ForecastOverride:
    """An override; raises NotFoundError, for one outside of what the caller may see as well."""
    found = session.scalar(sa.select(ForecastOverride).where(ForecastOverride.id == override_id))
    if found is None:
        raise NotFoundError(f"there is no override {override_id}.")
    return found


def override_view(session: Session, override_id: int) -> OverrideView:
    """An override as it is shown; raises NotFoundError."""
    return override_views(session, [get_override(session, override_id)])[0]


def override_views(session: Session, rows: Sequence[ForecastOverride]) -> list[OverrideView]:
    """Overrides with their periods and products, in two queries for all."""
    ids = [row.id for row in rows]
    values: dict[int, list[ValueView]] = defaultdict(list)
    query = sa.select(OverrideValue).where(OverrideValue.override_id.in_(ids)).order_by(OverrideValue.period)
    for row in session.scalars(query) if ids else ():
        values[row.override_id].append(
            ValueView(**{name: getattr(row, name) for name in ValueView.__dataclass_fields__})
        )
    wanted = {row.product_id for row in rows if row.product_id is not None}
    products = sa.select(Product.id, Product.code, Product.name).where(Product.id.in_(wanted))
    known = {row.id: (row.code, row.name) for row in (session.execute(products) if wanted else ())}
    own = [name for name in OverrideView.__dataclass_fields__ if name not in ("node", "values")]
    return [
        OverrideView(
            **{name: getattr(row, name) for name in own},
            node=node_of(row, known.get(row.product_id)),
            values=values[row.id],
        )
        for row in rows
    ]


def node_of(row: ForecastOverride, product: tuple[str, str] | None) -> Node:
    """The part of an override as a node."""
    code, name = product or ("", "")
    names = {field: getattr(row, field) for field in ("region", "territory", "area", "category", "subcategory")}
    return Node(**names, product=code, product_name=name)


def added_value(session: Session, grain: str) -> AddedValue:
    """What overrides of a grain were worth, all together."""
    return next(iter(value_rows(session, grain)), AddedValue(0, None, None, None, None))


def added_value_by_person(session: Session, grain: str) -> list[AddedValue]:
    """The same by who made them, those with the most periods first."""
    return sorted(value_rows(session, grain, by_person=True), key=lambda row: (-row.periods, row.person))


def value_rows(session: Session, grain: str, *, by_person: bool = False) -> list[AddedValue]:
    value = OverrideValue
    steps = {"naive": value.naive, "system": value.system, "override": value.after, "final": value.final}
    errors = [sa.func.sum(sa.func.abs(column - value.actual)).label(name) for name, column in steps.items()]
    query = (
        sa.select(sa.func.count(value.id).label("periods"), sa.func.sum(value.actual).label("sold"), *errors)
        .join(ForecastOverride, ForecastOverride.id == value.override_id)
        .where(ForecastOverride.grain == grain, ForecastOverride.state == "active", value.actual.is_not(None))
    )
    person = [ForecastOverride.created_by] if by_person else []
    rows = session.execute(query.add_columns(*person).group_by(*person)).all()
    return [
        AddedValue(
            row.periods,
            share(row.naive, row.sold),
            share(row.system, row.sold),
            share(row.override, row.sold),
            share(row.final, row.sold),
            row.created_by if by_person else "",
        )
        for row in rows
        if row.periods
    ]


def share(error: float | None, sold: float | None) -> float | None:
    return float(error) / float(sold) if error is not None and sold and sold > 0 else None
