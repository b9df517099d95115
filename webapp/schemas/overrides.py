"""Overrides of forecasts as callers make and read them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from webapp.queries.nodes import Node
from webapp.queries.overrides import OverrideView
from webapp.schemas.base import LARGEST_ID, Answer, Figure, Flag, ListAnswer, PageQuery, Request
from webapp.schemas.days import Day
from webapp.schemas.insights import Name
from webapp.schemas.training import Grain

Kind = Literal["value", "percent"]
State = Literal["waiting", "active", "refused", "withdrawn"]
Reason = Literal["promotion", "price", "customer", "supply", "market", "event", "correction", "other"]


class OverridePath(Request):
    """Which override."""

    override_id: int = Field(ge=1, le=LARGEST_ID)


class OverrideQuery(PageQuery):
    """Which overrides."""

    grain: Grain | None = None
    state: State | None = None
    created_by: str | None = Field(None, max_length=120)


class OverrideBody(Request):
    """What is to be changed, and why. Names that are left out are summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product: str = Field("", max_length=80, description="The product's code.")
    grain: Grain = "monthly"
    kind: Kind = Field(description="Whether values are sales in currency, or changes of the forecast in percent.")
    values: dict[Day, float] = Field(
        min_length=1, max_length=400, description='By the first day of the period: `{"2024-07-01": 1200}`.'
    )
    reason: Reason = "other"
    comment: str = Field("", max_length=500)

    def node(self) -> Node:
        """The part that is named."""
        names = {"region", "territory", "area", "category", "subcategory", "product"}
        return Node.of(self.model_dump(include=names))


class DecisionBody(Request):
    """Whether an override that waits may count."""

    approve: Flag


class OverrideValueAnswer(Answer):
    """One period; forecasts are those of the part, and null before it applies."""

    period: date
    value: float
    system: Figure | None = Field(description="The system's forecast, in the run that it was applied to last.")
    before: Figure | None = Field(description="The forecast without it.")
    after: Figure | None = Field(description="The forecast with it.")
    final: Figure | None = Field(description="What all overrides together made of it; once the period is over.")
    actual: Figure | None = Field(description="What was sold, once the period is over.")


class OverrideAnswer(Answer):
    """A change that a person made of a forecast."""

    id: int
    label: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product: str = Field(description="The product's code.")
    grain: str
    kind: Kind
    reason: Reason
    comment: str
    state: State = Field(description="`waiting` ones count when a second person has approved them.")
    created_by: str
    created_at: datetime
    activated_at: datetime | None
    decided_by: str
    ended_by: str
    ended_at: datetime | None
    values: list[OverrideValueAnswer]

    @classmethod
    def made(cls, view: OverrideView) -> OverrideAnswer:
        """The answer to a view, its node taken apart."""
        own = [name for name in cls.model_fields if hasattr(view, name) and name != "values"]
        node = {name: getattr(view.node, name) for name in cls.model_fields if hasattr(view.node, name)}
        values = [OverrideValueAnswer.model_validate(value) for value in view.values]
        return cls(**node, **{name: getattr(view, name) for name in own}, values=values)


class OverrideList(ListAnswer):
    """Overrides, newest first."""

    items: list[OverrideAnswer]


class AddedValueQuery(Request):
    """Periods of which length."""

    grain: Grain = "monthly"


class AddedValueRow(Answer):
    """Absolute errors by step, as shares of what was sold; null before any overridden period is over."""

    person: str = Field(description="Who made the overrides; '' for all.")
    periods: int
    naive: Figure | None = Field(description="Repeating the season before.")
    system: Figure | None
    override: Figure | None = Field(description="With that override alone.")
    final: Figure | None = Field(description="With all overrides.")
    gain: Figure | None = Field(description="By how much less the final forecast was off than the system's.")


class AddedValueAnswer(Answer):
    """What overrides were worth: first all together, then by person."""

    items: list[AddedValueRow]
