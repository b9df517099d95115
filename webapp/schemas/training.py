"""Asking for models to be trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.schemas.base import Request

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
