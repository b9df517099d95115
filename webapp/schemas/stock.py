"""The stock plan, advice to order, and purchase orders as callers read and decide on them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field

from ml.inventory.rules import Kind, Service
from webapp.queries.stock import Named
from webapp.schemas.base import LARGEST_ID, Answer, Figure, Id, ListAnswer, Number, PageQuery, Ratio, Request, Whole
from webapp.schemas.days import Day

Alert = Literal["warning", "urgent"]
State = Literal["open", "proposed", "edited", "accepted", "dismissed", "gone"]
Name = Field("", max_length=120)


class ItemQuery(PageQuery):
    """Which items of the published plan."""

    q: str = Field("", max_length=120, description="A part of a product's code or name, or of a place.")
    area: str = Name
    supplier: str = Name
    alert: Alert | None = Field(None, description="Those at least so pressing.")
    kind: Literal["excess", "dead"] | None = Field(None, description="Those with excess, or dead stock.")


class ItemAnswer(Answer):
    """A product in a place, as it is planned. Units, unless it says otherwise."""

    region: str
    territory: str
    area: str
    product_code: str
    supplier: str
    counted_on: date | None
    on_hand: Figure
    reserved: Figure
    on_order: Figure
    position: Figure = Field(description="Available, and on order until the order after the next arrives.")
    reorder: Figure = Field(description="The reorder point s.")
    up_to: Figure = Field(description="The level S to order up to.")
    expected: Figure = Field(description="Demand until the order after the next arrives.")
    daily: Figure = Field(description="Expected demand a day.")
    cover_days: Ratio | None = Field(description="Days that the stock lasts by expected demand; null without any.")
    alert: str = Field(description="`urgent`, `warning`, or empty.")
    out_on: date | None = Field(description="The day on which it likely runs out.")
    lost: Figure = Field(description="Units lost until an order could arrive.")
    excess: Figure
    excess_value: Figure = Field(description="In currency.")
    stock_value: Figure = Field(description="In currency.")
    dead: bool
    unit_cost: Figure | None
    quantity: Figure = Field(description="Advised to be ordered.")
    warnings: dict[str, str] = Field(description="What is wrong with its data, by name.")

    @classmethod
    def made(cls, view: Named) -> ItemAnswer:
        """The answer to a row."""
        own = {name: getattr(view, name) for name in cls.model_fields if name != "alert"}
        return cls(alert=view.alert_name, **own)


class ItemList(ListAnswer):
    """Items of the published plan."""

    items: list[ItemAnswer]


class ProjectionQuery(Request):
    """Which item."""

    area: str = Field(max_length=120)
    product: str = Field(max_length=80, description="The product's code, or its id.")


class DayAnswer(Answer):
    """A day of the projection, in units; stock is that at its end."""

    day: date
    p10: Figure
    p50: Figure
    p90: Figure
    demand: Figure
    receipts: Figure


class ProjectionAnswer(ItemAnswer):
    """An item with its stock day by day, without new orders. A place that supplies others has theirs in it."""

    days: list[DayAnswer]

    @classmethod
    def projected(cls, view: Named, today: date) -> ProjectionAnswer:
        """The answer to an item of a plan that begins on `today`."""
        series = view.projection
        names = ("p10", "p50", "p90", "demand", "receipts")
        days = [
            DayAnswer(day=today + timedelta(days=at), **dict(zip(names, values, strict=True)))
            for at, values in enumerate(zip(*(series[name] for name in names), strict=True))
        ]
        return cls(**ItemAnswer.made(view).model_dump(), days=days)


class AdviceQuery(PageQuery):
    """Which recommendations."""

    q: str = Field("", max_length=120, description="A part of a product's code or name, or of a place.")
    area: str = Name
    supplier: str = Name
    alert: Alert | None = Field(None, description="Those at least so pressing.")
    state: State = Field("open", description="`open` is what waits for a decision: proposed or edited.")
    kind: Literal["order", "transfer"] | None = None


class AdvicePath(Request):
    """Which recommendation."""

    advice_id: int = Field(ge=1, le=LARGEST_ID)


class AdviceAnswer(Answer):
    """Advice to order, and what became of it."""

    id: int
    version: int = Field(description="Grows with each change of what it says.")
    kind: str = Field(description="`order` from a supplier, or `transfer` from another place.")
    state: str
    region: str
    territory: str
    area: str
    product_code: str
    supplier: str
    quantity: Figure
    advised: Figure = Field(description="By the plan; `quantity` is what a person made of it.")
    fresh: Figure = Field(description="What the last plan's numbers alone said.")
    kept: bool = Field(description="Whether earlier advice stays since the new one differs little.")
    order_on: date
    arrives_on: date
    unit_cost: Figure | None
    value: Figure = Field(description="In currency; 0 where no cost is known.")
    alert: str
    urgency: Figure = Field(description="Sort by it, downwards, for the most pressing first.")
    cover_days: Ratio | None
    out_on: date | None
    lost: Figure
    lost_value: Figure
    reason: str
    otherwise: str = Field(description="What happens without it.")
    comment: str
    decided_by: str
    decided_at: datetime | None
    order_ref: str
    created_at: datetime

    @classmethod
    def made(cls, view: Named) -> AdviceAnswer:
        """The answer to a row."""
        own = {name: getattr(view, name) for name in cls.model_fields if name != "alert"}
        return cls(alert=view.alert_name, **own)


class AdviceList(ListAnswer):
    """Recommendations, newest first."""

    items: list[AdviceAnswer]


class AdviceEdit(Request):
    """What is changed of a recommendation."""

    quantity: float | None = Field(None, gt=0, le=1e9)
    order_on: Day | None = None
    comment: str = Field("", max_length=500)
    version: Whole | None = Field(None, description="The one that you saw: with another by now, nothing is changed.")


class AdviceChoice(Request):
    """Which recommendations are accepted, all or none."""

    ids: list[Id] = Field(min_length=1, max_length=1000)


class DismissBody(Request):
    """Why a recommendation is dismissed."""

    comment: str = Field("", max_length=500)


class AcceptedAnswer(Answer):
    """The purchase orders that were made."""

    order_refs: list[str]


class OrderQuery(PageQuery):
    """Which lines of purchase orders."""

    supplier: str = Name
    open: bool | None = Field(None, description="Those of which something is to come, or those of which nothing is.")


class OrderAnswer(Answer):
    """A line of a purchase order."""

    id: int
    order_ref: str
    line_ref: str
    supplier: str
    area: str
    product_code: str
    ordered_on: date
    expected_on: date | None
    received_on: date | None
    qty_ordered: Figure
    qty_received: Figure | None
    unit_cost: Figure | None
    status: str

    @classmethod
    def made(cls, view: Named) -> OrderAnswer:
        """The answer to a row."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


class OrderList(ListAnswer):
    """Lines of purchase orders, newest first."""

    items: list[OrderAnswer]


class PolicyQuery(PageQuery):
    """Which part of the list."""


class PolicyPath(Request):
    """Which policy."""

    policy_id: int = Field(ge=1, le=LARGEST_ID)


class RulesBody(Request):
    """How items are kept in stock; see docs/inventory.md."""

    kind: Kind = "review"
    service: Service = Field("cycle", description="What safety is for: no shortage, units served, or least cost.")
    target: Number = Field(0.95, gt=0, lt=1)
    safety_factor: Number = Field(1.2, ge=0, le=100, description="Of the simple mode.")
    review_days: Whole = Field(7, ge=1, le=366)
    holding_rate: Number = Field(0.25, ge=0, le=100, description="A year's cost of holding, as a share of cost.")
    shortage_cost: Number | None = Field(None, ge=0, le=1e9, description="Of a unit missed; price less cost without.")
    order_cost: Number = Field(0.0, ge=0, le=1e9)
    least: Number = Field(0.0, ge=0, le=1e9)
    most: Number = Field(0.0, ge=0, le=1e9)


class StockPolicyBody(Request):
    """The rules of a part; what is left out is every one."""

    area: str = Name
    category: str = Name
    volume_class: Literal["", "A", "B", "C"] = ""
    product: str = Field("", max_length=80, description="The product's code, or its id.")
    rules: RulesBody


class StockPolicyAnswer(Answer):
    """The rules of a part of the items; of those that fit an item, the finest counts."""

    id: int
    area: str
    category: str
    volume_class: str
    product_code: str
    rules: RulesBody
    updated_by: str
    updated_at: datetime

    @classmethod
    def made(cls, view: Named) -> StockPolicyAnswer:
        """The answer to a row."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


class StockPolicyList(ListAnswer):
    """Rules of stock, newest first."""

    items: list[StockPolicyAnswer]
