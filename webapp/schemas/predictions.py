"""Forecasts as callers ask for them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from webapp.schemas.base import Answer, Request

Name = Field("", max_length=120)


class PredictQuery(Request):
    """Which sales; what is left out is summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product_id: str = Field("", max_length=80, description="The product's number here, or its code.")
    periods: int = Field(12, ge=1, le=36, description="How many periods at most.")


class PeriodForecast(Answer):
    """The forecast of one period: its mean, and the quantiles of its distribution."""

    period: date = Field(description="The first day of the period.")
    mean: float
    p025: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p975: float


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
