"""Actual sales by month and the next month's forecast, in one answer."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from webapp.schemas.base import Answer, Figure, Ratio, Request
from webapp.schemas.insights import Confidence, Name, SeriesNames

PLACES_AND_PRODUCTS = {"region", "territory", "area", "category", "subcategory"}


class SalesForecastQuery(Request):
    """Which sales; what is left out is summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product_id: str = Field("", max_length=80, description="The product's number here, or its code.")
    confidence: Confidence = Field(80, description="Probability of low to high, in percent.")
    months: int = Field(24, ge=1, le=120, description="How many of the last months to show.")
    refresh: str = Field(
        "",
        max_length=120,
        description="A source by name that is pulled first; 502 where it does not answer. Needs the right to import.",
    )
    wait: int = Field(10, ge=1, le=25, description="Seconds to wait for the pull.")

    def names(self) -> dict[str, Any]:
        """The places and categories that are named."""
        return self.model_dump(include=PLACES_AND_PRODUCTS)


class MonthOfSales(Answer):
    """What was sold in a month."""

    period: date = Field(description="Its first day.")
    sales: Figure
    quantity: Figure
    transactions: int = Field(description="Rows of sales.")
    partial: bool = Field(description="Whether the data covers the month only in part.")


class NextMonth(Answer):
    """What is expected of the first month that is not over."""

    period: date
    expected: Figure
    low: Figure
    high: Figure
    confidence_level: int = Field(description="Probability of low to high, in percent.")
    growth_rate: Ratio | None = Field(description="Against the last complete month; null after one without sales.")
    accuracy: Figure | None = Field(description="max(0, 100 - 100 MAE / mean) on months that the model had not seen.")
    accuracy_source: str = Field(description="Whose errors: issued forecasts, or the backtest at this level.")
    model: str
    as_of: date = Field(description="The last complete month that the forecast knew.")


class SalesForecast(Answer):
    """Sales by month, the oldest first, and the next month's forecast."""

    series: SeriesNames
    actual: list[MonthOfSales]
    forecast: NextMonth
    refresh_job_id: int | None = Field(description="The pull that `refresh` asked for.")
