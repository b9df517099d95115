"""Simulations of the stock as callers ask for them and read them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from ml.db.restock import StockSimulation
from ml.inventory.families import DAYS, FAMILIES, ITEMS, REVIEW, SimulationSettings
from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, Number, PageQuery, Ratio, Request, Whole

USUAL = SimulationSettings()


class SimulationQuery(PageQuery):
    """Which part of the list."""


class SimulationPath(Request):
    """Which simulation."""

    simulation_id: int = Field(ge=1, le=LARGEST_ID)


class SimulationBody(Request):
    """What is to be replayed."""

    name: str = Field("", max_length=120, description="Without one it is called by its policies.")
    days: Whole = Field(USUAL.days, ge=DAYS[0], le=DAYS[1], description="The last days of the sales.")
    review: Whole = Field(USUAL.review, ge=REVIEW[0], le=REVIEW[1], description="Days between orders.")
    items: Whole = Field(USUAL.items, ge=ITEMS[0], le=ITEMS[1], description="Those that sold most before these days.")
    holding_rate: Number = Field(USUAL.holding_rate, ge=0, le=100, description="A year's cost as a share of value.")
    order_cost: Number = Field(USUAL.order_cost, ge=0, le=1e9)
    policies: list[str] = Field(
        list(USUAL.policies), min_length=1, max_length=len(FAMILIES), description=f"Some of {', '.join(FAMILIES)}."
    )


class PointAnswer(Answer):
    """A policy at one level of its safety."""

    policy: str
    level: float = Field(description="Its factor, or the share that it aims at; 0 for the rules as they are set.")
    label: str
    fill: Ratio = Field(description="Units served over units wanted.")
    item_fill: Ratio = Field(description="The mean of the items' own.")
    days_in_stock: Ratio = Field(description="Share of items and days on which all demand was served.")
    stock: Figure = Field(description="Mean units at the end of a day.")
    stock_value: Figure = Field(description="The same at cost.")
    lost: Figure = Field(description="Units that found no stock.")
    lost_value: Figure = Field(description="The same at price.")
    orders: int
    cost: Figure = Field(description="Of holding, of margin lost, and of orders.")


class SimulationResult(Answer):
    """What came of it."""

    first: date
    last: date
    items: int
    lead_days: Figure = Field(description="Days until delivery, the median of the items.")
    model: str = Field(description="By whose forecasts the rules were replayed.")
    points: list[PointAnswer]
    cheapest: str = Field(description="The label of the point that cost least.")


class SimulationAnswer(Answer):
    """A simulation; `result` is null until its job has succeeded."""

    id: int
    name: str
    days: int
    review: int
    items: int
    holding_rate: Figure
    order_cost: Figure
    policies: list[str]
    job_id: int | None
    created_by: str
    created_at: datetime
    result: SimulationResult | None

    @classmethod
    def made(cls, row: StockSimulation) -> SimulationAnswer:
        """The answer to a row."""
        result = None if row.result is None else SimulationResult.model_validate(row.result)
        names = ("id", "name", "job_id", "created_by", "created_at")
        return cls(**row.settings, **{name: getattr(row, name) for name in names}, result=result)


class SimulationList(ListAnswer):
    """Simulations, newest first."""

    items: list[SimulationAnswer]
