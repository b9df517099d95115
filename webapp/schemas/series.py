"""Series, forecast runs, issued forecasts and their accuracy as callers ask for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from webapp.queries.nodes import Node
from webapp.queries.sales import Key
from webapp.queries.series import SeriesFilter
from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, PageQuery, Ratio, Request
from webapp.schemas.days import Day
from webapp.schemas.insights import Name
from webapp.schemas.sales import CURSOR, length_of_key
from webapp.schemas.training import Grain

LocationLevel = Literal["", "total", "region", "territory", "area"]
ProductLevel = Literal["", "total", "category", "subcategory", "product"]
AnomalyVerdict = Literal["open", "accepted", "dismissed", "promotion", "stockout", "error"]
NAMES = {"region", "territory", "area", "category", "subcategory"}


class WhichSeries(Request):
    """What series are found by."""

    q: str = Field("", max_length=120, description="A part of any name or code, in upper or lower case.")
    location_level: LocationLevel = ""
    product_level: ProductLevel = ""
    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product: str = Field("", max_length=80, description="The product's code.")

    def filter(self) -> SeriesFilter:
        """The same as the queries take it."""
        names = self.model_dump(include=NAMES | {"product"})
        return SeriesFilter(Node.of(names), self.q, self.location_level, self.product_level)


class SeriesQuery(WhichSeries, PageQuery):
    """Which series."""


class SeriesAnswer(Answer):
    """A node of the hierarchy: a place crossed with a product; names that its levels leave open are ''."""

    id: int
    location_level: str
    product_level: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product_id: int | None
    product_code: str
    product_name: str
    location_parent_id: int | None = Field(description="The same product one level of places up.")
    product_parent_id: int | None = Field(description="The same place one level of products up.")
    first_sale: date | None
    last_sale: date | None


class SeriesList(ListAnswer):
    """Series, newest first."""

    items: list[SeriesAnswer]


class FacetValue(Answer):
    """A value, and how many series carry it."""

    value: str
    count: int


class FacetsAnswer(Answer):
    """How many of the series found carry which name; of each at most 200 values, the most frequent first."""

    location_level: list[FacetValue]
    product_level: list[FacetValue]
    region: list[FacetValue]
    territory: list[FacetValue]
    area: list[FacetValue]
    category: list[FacetValue]
    subcategory: list[FacetValue]


class RunPath(Request):
    """Which run."""

    run_id: int = Field(ge=1, le=LARGEST_ID)


class RunQuery(PageQuery):
    """Which runs."""

    grain: Grain | None = None
    state: Literal["running", "published", "superseded", "failed"] | None = None


class RunAnswer(Answer):
    """One forecast of all series of a grain."""

    id: int
    grain: str
    state: str = Field(description="`published` is what readers see; `superseded` was, before.")
    model_id: int
    as_of: date = Field(description="The last complete period that it knew.")
    horizon: int
    location_level: str = Field(description="The finest level that is forecast itself; with product_level.")
    product_level: str
    series_count: int
    created_at: datetime
    published_at: datetime | None


class RunList(ListAnswer):
    """Forecast runs, newest first."""

    items: list[RunAnswer]


class ForecastQuery(WhichSeries):
    """Which issued forecasts."""

    grain: Grain = "monthly"
    run_id: int | None = Field(None, ge=1, le=LARGEST_ID, description="Left out: the published run of the grain.")
    series_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    since: Day | None = Field(None, alias="from", description="The first period.")
    until: Day | None = Field(None, alias="to", description="The last period.")
    limit: int = Field(100, ge=1, le=1_000, description="How many items at most.")
    cursor: Annotated[Key, length_of_key(2)] | None = Field(None, description=CURSOR)


class ForecastAnswer(Answer):
    """What was forecast for one series and period."""

    run_id: int
    series_id: int
    location_level: str
    product_level: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product_code: str
    grain: str
    period: date = Field(description="Its first day.")
    as_of: date
    model: str = Field(description="Name and version, and the model that made it.")
    mean: Figure
    p025: Figure
    p10: Figure
    p25: Figure
    p50: Figure
    p75: Figure
    p90: Figure
    p975: Figure
    actual: Figure | None = Field(description="What was sold, once the period is over.")


class ForecastList(ListAnswer):
    """Issued forecasts, by series and period."""

    items: list[ForecastAnswer]


class AccuracyQuery(WhichSeries, PageQuery):
    """Which issued forecasts, and how their errors are grouped."""

    grain: Grain = "monthly"
    by: Literal["level", "series", "horizon", "period"] = "level"
    since: Day | None = Field(None, alias="from", description="The first period.")
    until: Day | None = Field(None, alias="to", description="The last period.")


class AccuracyAnswer(Answer):
    """Errors of the forecasts of a group that was really issued; what it is not grouped by is null."""

    location_level: str | None
    product_level: str | None
    series: SeriesAnswer | None
    horizon: int | None = Field(description="Periods ahead.")
    period: date | None
    forecasts: int
    actual: Figure = Field(description="Sum of the actual sales.")
    forecast: Figure = Field(description="Sum of the means forecast.")
    mae: Figure
    wape: Ratio | None = Field(description="Sum of absolute errors, as a share of the sales; null without sales.")
    bias: Ratio | None = Field(description="Forecast less actual, as a share of the sales.")
    coverage80: Ratio = Field(description="Share of the actuals from P10 to P90: 0.8 is promised.")


class AccuracyList(ListAnswer):
    """Accuracy by group; only series are paged."""

    items: list[AccuracyAnswer]


class AnomalyPath(Request):
    """Which anomaly."""

    anomaly_id: int = Field(ge=1, le=LARGEST_ID)


class AnomalyBody(Request):
    """What a person says of an anomaly."""

    verdict: AnomalyVerdict = Field(
        description="accepted: learn from what is usual; dismissed: from what was sold; promotion: the same, and enter "
        "an event; stockout: demand was what is usual; error: leave the period out; open: take an answer back.",
        examples=["promotion"],
    )


class AnomalyQuery(PageQuery):
    """Which anomalies."""

    grain: Grain | None = None
    kind: Literal["spike", "drop"] | None = None
    verdict: AnomalyVerdict | None = None
    series_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    since: Day | None = Field(None, alias="from", description="The first period.")
    until: Day | None = Field(None, alias="to", description="The last period.")


class FoundAnomaly(Answer):
    """A period in which a series sold far from what is usual."""

    id: int
    series: SeriesAnswer
    grain: str
    period: date
    kind: Literal["spike", "drop"]
    value: Figure
    usual: Figure
    score: Ratio = Field(description="Robust standard deviations.")
    reason: str
    verdict: AnomalyVerdict
    decided_by: str
    decided_at: datetime | None


class AnomalyList(ListAnswer):
    """Anomalies of all series, the last found first."""

    items: list[FoundAnomaly]


class RegressorQuery(PageQuery):
    """Which external figures."""

    name: str = Name
    region: str = Name
    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")


class RegressorAnswer(Answer):
    """The value of an external figure on a day."""

    id: int
    name: str
    day: date
    region: str = Field(description="'' where it holds everywhere.")
    value: float
    import_id: int | None


class RegressorList(ListAnswer):
    """Values of external figures, newest first."""

    items: list[RegressorAnswer]


class RegressorName(Answer):
    """An external figure, and the days that it covers."""

    name: str
    first_day: date
    last_day: date
    values: int


class RegressorNames(Answer):
    """All external figures."""

    items: list[RegressorName]
