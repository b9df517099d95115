"""What series and forecasts are made of, and whether the model still keeps its promise."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, PageQuery, Ratio, Request
from webapp.schemas.training import Grain

Verdict = Literal["ok", "watch", "retrain"]
Name = Field("", max_length=120)


def as_number(text: object) -> object:
    """A query parameter as the number that it is written as; anything else as it is."""
    return int(str(text)) if str(text).isdecimal() else text


Confidence = Annotated[Literal[50, 80, 95], BeforeValidator(as_number)]


class SeriesPath(Request):
    """Which series."""

    series_id: int = Field(ge=1, le=LARGEST_ID)


class GrainQuery(Request):
    """Periods of which length."""

    grain: Grain = Field("monthly", description="The length of the periods.")


class SeriesNames(Answer):
    """The names of a series; '' where its level leaves one open. `product` is the code."""

    label: str
    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product: str


class Component(Answer):
    """One period: trend, season, events and residual add up to the sales."""

    period: date = Field(description="Its first day.")
    sales: Figure
    trend: Figure
    season: Figure
    events: Figure
    residual: Figure


class DecompositionAnswer(Answer):
    """What the sales of a series are made of."""

    series: SeriesNames
    mode: Literal["additive", "multiplicative"] = Field(
        description="Whether season and events are amounts, or shares of the trend."
    )
    trend_strength: Ratio = Field(description="0 to 1.")
    season_strength: Ratio = Field(description="0 to 1.")
    effects: dict[str, Ratio] = Field(
        description="By event: what it adds to a period that it covers wholly, or what it multiplies that by."
    )
    points: list[Component]


class AnomalyAnswer(Answer):
    """A period that sold far from what is usual."""

    period: date = Field(description="Its first day.")
    kind: Literal["spike", "drop"]
    value: Figure
    usual: Figure
    score: Ratio = Field(description="Robust standard deviations.")
    reason: str


class AnomaliesAnswer(Answer):
    """The anomalies of a series, the latest first."""

    series: SeriesNames
    checked_to: date | None = Field(description="The last period that was looked at; null before any check.")
    items: list[AnomalyAnswer]


class SeriesOutlookQuery(GrainQuery):
    """How sure the band is to be."""

    confidence: Confidence = Field(80, description="Probability of the band, in percent.")


class OutlookQuery(SeriesOutlookQuery):
    """Which sales; what is left out is summed up."""

    region: str = Name
    territory: str = Name
    area: str = Name
    category: str = Name
    subcategory: str = Name
    product_id: str = Field("", max_length=80, description="The product's number here, or its code.")


class DownturnAnswer(Answer):
    """Whether less is to be expected than before."""

    likely: bool
    probability: Ratio = Field(description="Of selling less in the next period than the reference.")
    change: Ratio = Field(description="Relative change over the next periods, three at most.")
    reference: Figure = Field(description="Sales that the next period is compared with.")
    season_before: bool = Field(description="Whether that is the same period a season before, or a mean of the last.")
    message: str = Field(description="Says it in words where it is likely.")


class OutlookAnswer(Answer):
    """The plain answer: what comes next, how sure that is, whether it is less than before."""

    series: SeriesNames
    series_id: int | None = Field(description="Null where no series is stored for just these sales.")
    as_of: date = Field(description="The last complete period that the forecast knew.")
    period: date = Field(description="The period that is forecast, by its first day.")
    model: str
    run_id: int | None
    bands: str = Field(description="Where low and high come from: stored or approximate.")
    expected: Figure
    low: Figure
    high: Figure
    confidence: int = Field(description="Probability of low to high, in percent.")
    last: Figure | None = Field(description="Sales of the last complete period.")
    growth: Ratio | None = Field(description="expected / last - 1; null after a period without sales.")
    downturn: DownturnAnswer | None = Field(description="Null where there is nothing to compare with.")
    accuracy: Figure | None = Field(description="max(0, 100 - 100 MAE / mean) on periods that the model had not seen.")
    accuracy_source: str = Field(description="Whose errors: issued forecasts, or the backtest at this level.")


class FactorAnswer(Answer):
    """What one theme does to a forecast."""

    theme: str = Field(
        description="recent, level, season, weekday, growth, calendar, gaps, place, age, ahead, own, correction, "
        "others, or plan: with the name of a known column."
    )
    name: str = Field(description="The theme in words.")
    units: Figure = Field(description="What it adds, in units of sales.")
    factor: Ratio | None = Field(description="What it multiplies by; null where base or forecast is zero.")


class FactorsAnswer(Answer):
    """What makes up the forecast of a series for its next period."""

    series: SeriesNames
    run_id: int
    as_of: date = Field(description="The last complete period that the forecast knew.")
    period: date = Field(description="The period that is forecast, by its first day.")
    model: str
    forecast: Figure = Field(description="Expected sales: the base plus all units, the base times all factors.")
    base: Figure | None = Field(description="The mean of its last season (12 months, 52 weeks, 7 days).")
    factors: list[FactorAnswer] = Field(description="By theme, what adds or takes most first.")
    message: str | None = Field(description="Why there are no factors, where there are none.")


class LevelDriftAnswer(Answer):
    """The errors of a level of the hierarchy, as shares of sales."""

    level: str = Field(description="place/product")
    periods: int
    rows: int
    wape: Ratio = Field(description="Of issued forecasts.")
    promised: Ratio = Field(description="By the backtest.")
    expected: Ratio = Field(description="The promise for periods as hard as these.")
    ratio: Ratio = Field(description="wape / expected")
    sure: Ratio | None = Field(description="What is left of the ratio without noise; null for too few periods.")
    bias: Ratio
    coverage: Ratio = Field(description="Share of actuals from P10 to P90.")
    verdict: Verdict
    reasons: list[str]


class InputDriftAnswer(Answer):
    """How far an input is from what was learned."""

    name: str
    psi: Ratio = Field(description="Population stability index: from 0.25 on another distribution.")
    noise: Ratio = Field(description="What noise alone reaches in one of twenty cases.")


class DriftAnswer(Answer):
    """What a check of a published forecast found."""

    id: int
    grain: str
    run_id: int
    model_id: int
    as_of: date = Field(description="The last complete period that was looked at.")
    verdict: Verdict
    reasons: list[str]
    levels: list[LevelDriftAnswer]
    inputs: list[InputDriftAnswer]
    new_share: Ratio = Field(description="Share of newer sales by series that the model never saw.")
    created_at: datetime


class DriftQuery(PageQuery):
    """Which reports."""

    grain: Grain | None = None


class DriftList(ListAnswer):
    """Drift reports, newest first."""

    items: list[DriftAnswer]
