"""How the product is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.schemas.base import Answer


class HealthAnswer(Answer):
    """Whether all that the product needs answers."""

    status: Literal["ready", "degraded"]
    checks: dict[str, str] = Field(description="By part: `ok`, or what is wrong and what to do.")
