"""Forecasts as callers ask for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from ml.grains import GRAINS
from webapp.schemas.base import Answer, Figure, Request
from webapp.schemas.training import Grain

Name = Field("", max_length=120)
MOST_PERIODS = max(grain.farthest for grain in GRAINS.values())
FARTHEST = ", ".join(f"{grain.farthest} {grain.unit}" for grain in GRAINS.values())


def within_reach(periods: int | None, info: ValidationInfo) -> int | None:
    """At most as many periods as can be forecast by that grain."""
    grain = GRAINS[info.data.get("grain", "weekly")]
    if periods is not None and periods > grain.farthest:
        raise ValueError(f"at most {grain.farthest} {grain.unit} ahead can be forecast")
    return periods


Periods = Annotated[int | None, AfterValidator(within_reach)]
PERIODS = Field(
    None,
    ge=1,
    le=MOST_PERIODS,
    description=f"How many periods; left out, as many as are always forecast. At most {FARTHEST}. Those that the "
    "published forecast does not have yet are forecast now: the answer is 202 where that takes longer than a second.",
)


class SalesQuery(Request):
    """Which sales; what is left out is summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product_id: str = Field("", max_length=80, description="The product's number here, or its code.")


class WeeklyQuery(SalesQuery):
    """Which sales, and how many weeks; what is left out is summed up."""

    periods: Periods = PERIODS


class PredictQuery(SalesQuery):
    """Which sales, and by which periods; what is left out is summed up."""

    grain: Grain = Field("monthly", description="The length of the periods.")
    periods: Periods = PERIODS


class ForecastOfProductQuery(Request):
    """Where, and by which periods."""

    region: str = Name
    territory: str = Name
    area: str = Name
    grain: Grain = Field("monthly", description="The length of the periods.")
    periods: Periods = PERIODS


class ProductIdPath(Request):
    """Which product."""

    product_id: str = Field(min_length=1, max_length=80, description="Its number here, or its code.")


class PeriodForecast(Answer):
    """The forecast of one period: its mean, and the quantiles of its distribution."""

    period: date = Field(description="The first day of the period.")
    mean: Figure
    p025: Figure
    p10: Figure
    p25: Figure
    p50: Figure
    p75: Figure
    p90: Figure
    p975: Figure
    system: Figure = Field(description="The mean again, beside `final`; mean and quantiles are the system's own.")
    final: Figure = Field(description="The mean as people have changed it (see `/overrides`).")


class Prediction(Answer):
    """The published forecast of some sales."""

    label: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product: str = Field(description="The product's code.")
    product_name: str
    grain: str
    as_of: date | None = Field(description="The last complete period that the forecast knew.")
    model: str
    trained_at: datetime | None
    run_id: int | None
    bands: str = Field(description="Where the quantiles come from: stored, approximate or none.")
    forecast: list[PeriodForecast]
