"""Asking for models to be trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.schemas.base import Request

Grain = Literal["monthly", "weekly", "daily"]
ModelType = Literal[
    "auto",
    "seasonal_naive",
    "lightgbm",
    "combination",
    "moving_average",
    "historic_average",
    "theta",
    "auto_ets",
    "ces",
    "auto_arima",
    "croston_sba",
    "tsb",
    "adida",
    "ridge",
    "random_forest",
    "xgboost",
    "direct_log",
    "direct_tweedie",
    "prophet",
    "prophet_library",
]
"""All that the engine knows; a test compares them with it."""


class TrainBody(Request):
    """What to train."""

    grain: Grain = Field("monthly", description="What to train for: all series of a grain learn together.")
    model_type: ModelType | list[ModelType] = Field(
        "auto",
        description="One model, several that race, or auto for those that race by default (LightGBM and the "
        "combination); seasonal naive always takes part.",
    )

    def models(self) -> list[str] | None:
        """The models by name; None for those that race by default."""
        names = [self.model_type] if isinstance(self.model_type, str) else self.model_type
        return None if "auto" in names or not names else list(names)
