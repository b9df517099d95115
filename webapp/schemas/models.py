"""Model versions, and which of them serve."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, Measured, PageQuery, Request
from webapp.schemas.training import Grain


class ModelPath(Request):
    """Which version."""

    model_id: int = Field(ge=1, le=LARGEST_ID)


class ModelQuery(PageQuery):
    """Which models."""

    grain: Grain | None = None


class RollbackBody(Request):
    """Where to go back."""

    grain: Grain = "monthly"


class ModelAnswer(Answer):
    """A trained model."""

    id: int
    model_name: str
    model_type: str
    version: int
    grain: str
    segment: str = Field(description="The segment of series that it is for; '' for all of its grain.")
    alias: str | None = Field(
        description="champion for the one that serves its grain, challenger for the newest that did not win against it."
    )
    location_level: str
    product_level: str
    trained_at: datetime
    data_from: date
    data_to: date
    series_count: int
    reason: str = Field(description="Why this model was chosen among the candidates, in words.")
    verdict: str = Field(description="Why it replaced the champion of its time, or did not, in words.")
    metrics: Measured = Field(
        description="Scores of the candidates, the windows that they were scored on, and the champion's over the same; "
        "of a model with trees also `importance`: how far themes and features move forecasts (mean absolute Shapley "
        "value of their logarithm), the weight of its trees, and of how many forecasts."
    )
    parameters: dict[str, Any]
    features: list[str]
    libraries: dict[str, str]
    checksum: str = Field(description="SHA-256 of the artifact.")
    artifact_bytes: int | None
    artifact_deleted_at: datetime | None = Field(description="Since when it cannot be put in charge any more.")


class ModelList(ListAnswer):
    """Model versions, newest first."""

    items: list[ModelAnswer]


class PromotionAnswer(Answer):
    """A version that was put in charge."""

    id: int
    grain: str
    segment: str
    model_id: int
    previous_id: int | None = Field(description="The version that served until then.")
    kind: Literal["trained", "manual", "rollback"]
    promoted_by: str = Field(description="Who asked for it; '' where a training decided it.")
    promoted_at: datetime
    reason: str


class PromotionList(ListAnswer):
    """Which versions were put in charge, newest first."""

    items: list[PromotionAnswer]
