"""The cleaning policy, and what was flagged under it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from ml.etl.cleaning.policy import HIGHEST, LOWEST
from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, PageQuery, Ratio, Request

Kind = Literal["outlier", "stockout", "error"]
Verdict = Literal["open", "accepted", "dismissed"]
Gaps = Literal["zero", "none", "interpolate"]
Returns = Literal["net", "ignore"]
Outliers = Literal["flag", "correct", "off"]
Stockouts = Literal["censor", "off"]


class PolicyBody(Request):
    """The whole policy: what is left out has its default."""

    gaps: Gaps = Field("zero", description="A period without sales between two others: 0, unknown, or on the line.")
    returns: Returns = Field("net", description="Whether returns reduce the sales of their period or are left out.")
    outliers: Outliers = Field("flag", description="Show outliers; or learn from corrected values unless dismissed.")
    stockouts: Stockouts = Field("censor", description="Whether demand that stockouts cut off is made up for.")
    threshold: float = Field(3.5, ge=LOWEST, le=HIGHEST, description="Of an outlier, in robust standard deviations.")


class SettingsAnswer(Answer):
    """How sales are cleaned before they are learned from; the sales themselves are never changed."""

    gaps: Gaps
    returns: Returns
    outliers: Outliers
    stockouts: Stockouts
    threshold: float


class PolicyAnswer(Answer):
    """A policy."""

    id: int | None = Field(description="Null for the defaults, while nobody has set a policy.")
    settings: SettingsAnswer
    created_by: str
    created_at: datetime | None


class PolicyList(ListAnswer):
    """All policies that ever held, newest first."""

    items: list[PolicyAnswer]


class ChangedPolicy(PolicyAnswer):
    """The policy that holds now, and the job that cleans anew under it; a forecast follows."""

    job_id: int


class FlagPath(Request):
    """Which flag."""

    flag_id: int = Field(ge=1, le=LARGEST_ID)


class FlagQuery(PageQuery):
    """Which flags."""

    kind: Kind | None = None
    verdict: Verdict | None = None
    series_id: int | None = Field(None, ge=1, le=LARGEST_ID)


class VerdictBody(Request):
    """What a person says of a flag."""

    verdict: Verdict = Field(description="open takes an earlier verdict back.")


class FlagSeries(Answer):
    """The names of a series; '' where its level leaves one open. `product` is the code."""

    region: str
    territory: str
    area: str
    category: str
    subcategory: str
    product: str


class FlagAnswer(Answer):
    """A period of a series that is not taken at face value."""

    id: int
    series_id: int
    series: FlagSeries = Field(validation_alias="node")
    grain: str
    period: date = Field(description="Its first day.")
    kind: Kind
    value: Figure = Field(description="As sold.")
    corrected: Figure | None = Field(description="What is learned from where applied; null leaves the period out.")
    applied: bool = Field(description="Whether the policy and the verdict let the correction be learned from.")
    score: Ratio = Field(description="Robust standard deviations; of a stockout, the share of demand without stock.")
    reason: str
    verdict: Verdict
    decided_by: str
    created_at: datetime


class FlagList(ListAnswer):
    """Flags, the last found first."""

    items: list[FlagAnswer]
