"""What planning the stock gives: rules by item or class, plans with their projections, advice, and reports."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, unique_where_present, utc_now
from ml.db.runs import PublishedRun
from ml.db.types import Amount, BigId, Day, Flag, HashKey, Json, Name, Real, UtcDateTime

PLAN_STATES = ("running", "published", "superseded", "failed")
ADVICE_KINDS = ("order", "transfer")
ADVICE_STATES = ("proposed", "edited", "accepted", "dismissed", "gone")
OPEN_ADVICE = ("proposed", "edited")
"""What still asks for a decision. `gone` is advice that a later plan had no reason for any more."""


class StockPolicy(Base):
    """How items are kept in stock. What is left open ('' or null) is every item; the finest that fits an item counts:
    its product before its category before its class of volume, and of these the one of its area."""

    __tablename__ = "stock_policies"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[bytes] = mapped_column(HashKey, unique=True)  # area, category, class, product
    area: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    volume_class: Mapped[str] = mapped_column(Name(1), default="")  # A, B or C, see ml.db.profiles
    product_id: Mapped[int | None] = mapped_column(sa.ForeignKey("products.id"), index=True)
    rules: Mapped[dict[str, Any]] = mapped_column(Json)  # see ml.inventory.rules.Rules
    updated_by: Mapped[str] = mapped_column(Name(120), default="")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class PlanRun(PublishedRun, Base):
    """One plan of all items; `slot` is 'stock' while it is the published one."""

    __tablename__ = "plan_runs"
    STATES = PLAN_STATES

    today: Mapped[date] = mapped_column(Day)  # the first day that is planned
    grain: Mapped[str] = mapped_column(Name(8))  # of the forecast that it rests on
    forecast_run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"))
    days: Mapped[int] = mapped_column(sa.Integer())  # that are projected
    summary: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ItemColumns:
    """What names an item, a product in a place, and where that lies."""

    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int] = mapped_column(BigId)
    supplier: Mapped[str] = mapped_column(Name(120), default="")


class StockPlan(ItemColumns, Base):
    """The plan of one item: units, but for values; days of projections are from the run's `today` on.

    Rows of the published run and the one before it are kept. `alert` is 2 for urgent and 1 for warning, `cover_days`
    null where nothing is wanted. See `ml.inventory.projection` for the figures.
    """

    __tablename__ = "stock_plans"
    __table_args__ = (
        sa.ForeignKeyConstraint(["product_id"], ["products.id"]),
        sa.Index(None, "run_id", "alert"),
        sa.Index(None, "run_id", "excess_value"),
        sa.Index(None, "run_id", "product_id", "area"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("plan_runs.id"))
    counted_on: Mapped[date | None] = mapped_column(Day)  # null: no level is known, planned as none
    on_hand: Mapped[float] = mapped_column(Amount)
    reserved: Mapped[float] = mapped_column(Amount)
    on_order: Mapped[float] = mapped_column(Amount)
    position: Mapped[float] = mapped_column(Amount)
    reorder: Mapped[float] = mapped_column(Amount)
    up_to: Mapped[float] = mapped_column(Amount)
    expected: Mapped[float] = mapped_column(Amount)  # demand until the order after the next arrives
    spread: Mapped[float] = mapped_column(Amount)
    daily: Mapped[float] = mapped_column(Amount)  # expected demand a day, over all days of the plan
    cover_days: Mapped[float | None] = mapped_column(Real)
    alert: Mapped[int] = mapped_column(sa.Integer())
    out_on: Mapped[date | None] = mapped_column(Day)  # likely, on P50 of stock
    out_early: Mapped[date | None] = mapped_column(Day)  # with much demand, on P10 of stock
    lost: Mapped[float] = mapped_column(Amount)
    excess: Mapped[float] = mapped_column(Amount)
    excess_value: Mapped[float] = mapped_column(Amount)  # 0 where no cost is known
    stock_value: Mapped[float] = mapped_column(Amount)  # the same
    dead: Mapped[bool] = mapped_column(Flag)
    idle_days: Mapped[int | None] = mapped_column(sa.Integer())
    unit_cost: Mapped[float | None] = mapped_column(Amount)
    lead_days: Mapped[float] = mapped_column(Real)
    lead_spread: Mapped[float] = mapped_column(Real)
    quantity: Mapped[float] = mapped_column(Amount)
    rules: Mapped[dict[str, Any]] = mapped_column(Json)
    warnings: Mapped[dict[str, str]] = mapped_column(Json)  # by name, in words
    projection: Mapped[dict[str, list[float]]] = mapped_column(Json)  # p10, p50, p90, demand, receipts by day


class Recommendation(ItemColumns, Base):
    """Advice to order, and what became of it. It outlives the plan that made it: while it waits for a decision each
    plan renews it; what a person edited keeps their quantity.

    `version` grows with each change of what it says, so that what was decided on an older state is noticed.
    """

    __tablename__ = "recommendations"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(ADVICE_STATES), "state"),
        sa.CheckConstraint(sa.column("kind").in_(ADVICE_KINDS), "kind"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"]),
        unique_where_present("uq_recommendations_slot", "slot"),
        sa.Index(None, "state", "urgency"),
        sa.Index(None, "product_id", "area"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slot: Mapped[bytes | None] = mapped_column(HashKey)  # the item while it waits for a decision, else null
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("plan_runs.id"), index=True)  # that renewed it last
    kind: Mapped[str] = mapped_column(Name(8), default="order")  # or transfer: `supplier` is then another place
    state: Mapped[str] = mapped_column(Name(16), default="proposed")
    version: Mapped[int] = mapped_column(sa.Integer(), default=1)
    advised: Mapped[float] = mapped_column(Amount)  # units, by the plan
    fresh: Mapped[float] = mapped_column(Amount)  # what the plan's numbers alone said
    kept: Mapped[bool] = mapped_column(Flag)  # whether yesterday's advice stays since that differs little
    quantity: Mapped[float] = mapped_column(Amount)  # units to order: as advised, or as edited
    order_on: Mapped[date] = mapped_column(Day)
    arrives_on: Mapped[date] = mapped_column(Day)
    unit_cost: Mapped[float | None] = mapped_column(Amount)
    value: Mapped[float] = mapped_column(Amount)  # quantity x cost; 0 where no cost is known
    alert: Mapped[int] = mapped_column(sa.Integer())
    urgency: Mapped[float] = mapped_column(Real)  # by which the list is ranked, see ml.pipelines.restock_advice
    cover_days: Mapped[float | None] = mapped_column(Real)
    out_on: Mapped[date | None] = mapped_column(Day)
    lost: Mapped[float] = mapped_column(Amount)
    lost_value: Mapped[float] = mapped_column(Amount)
    reason: Mapped[str] = mapped_column(Name(1000))
    otherwise: Mapped[str] = mapped_column(Name(500))
    comment: Mapped[str] = mapped_column(Name(500), default="")  # why it was edited or dismissed
    decided_by: Mapped[str] = mapped_column(Name(120), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    order_ref: Mapped[str] = mapped_column(Name(80), default="")  # the purchase order that it became
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class StockReport(Base):
    """A report of a plan that is kept in the artifact store."""

    __tablename__ = "stock_reports"
    __table_args__ = (sa.UniqueConstraint("run_id", "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("plan_runs.id"))
    kind: Mapped[str] = mapped_column(Name(8))  # html or xlsx
    filename: Mapped[str] = mapped_column(Name(120))
    artifact: Mapped[str] = mapped_column(Name(250))
    size: Mapped[int] = mapped_column(sa.Integer())  # bytes
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class StockSimulation(Base):
    """Policies replayed over the sales of the past: what was asked for, and, once its job has run, what came of it.

    `settings` are those of `ml.inventory.families.SimulationSettings`, `result` a SimulationResult of
    `ml.pipelines.simulate_stock`.
    """

    __tablename__ = "stock_simulations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(120))
    settings: Mapped[dict[str, Any]] = mapped_column(Json)
    job_id: Mapped[int | None] = mapped_column(BigId)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_by: Mapped[str] = mapped_column(Name(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
