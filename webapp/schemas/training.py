"""Training, and the models that come of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from webapp.schemas.base import Answer, ListAnswer, PageQuery, Request

Grain = Literal["monthly"]
ModelType = Literal["auto", "seasonal_naive", "lightgbm"]


class TrainBody(Request):
    """What to train."""

    grain: Grain = "monthly"
    model_type: ModelType | list[ModelType] = Field(
        "auto", description="One model, several that race, or auto for all of them; seasonal naive always takes part."
    )

    def models(self) -> list[str] | None:
        """The models by name; None for all of them."""
        names = [self.model_type] if isinstance(self.model_type, str) else self.model_type
        return None if "auto" in names or not names else list(names)


class ModelQuery(PageQuery):
    """Which models."""

    grain: Grain | None = None


class ModelAnswer(Answer):
    """A trained model."""

    id: int
    model_name: str
    model_type: str
    version: int
    grain: str
    alias: str | None = Field(description="champion for the one that serves its grain.")
    location_level: str
    product_level: str
    trained_at: datetime
    data_from: date
    data_to: date
    series_count: int
    reason: str = Field(description="Why this model was chosen, in words.")
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    features: list[str]
    libraries: dict[str, str]
    checksum: str


class ModelList(ListAnswer):
    """Model versions, newest first."""

    items: list[ModelAnswer]
