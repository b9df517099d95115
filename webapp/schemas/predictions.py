"""Forecasts as callers ask for them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from webapp.schemas.base import Answer, Figure, Request
from webapp.schemas.training import Grain

Name = Field("", max_length=120)


class WeeklyQuery(Request):
    """Which sales; what is left out is summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product_id: str = Field("", max_length=80, description="The product's number here, or its code.")
    periods: int | None = Field(None, ge=1, le=366, description="How many periods at most; all where left out.")


class PredictQuery(WeeklyQuery):
    """Which sales, and by which periods; what is left out is summed up."""

    grain: Grain = Field("monthly", description="The length of the periods.")


class ForecastOfProductQuery(Request):
    """Where, and by which periods."""

    region: str = Name
    territory: str = Name
    area: str = Name
    grain: Grain = Field("monthly", description="The length of the periods.")
    periods: int | None = Field(None, ge=1, le=366, description="How many periods at most; all where left out.")


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
