"""Service tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from webapp.auth.permissions import FOR_TOKENS
from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, Request, Whole
from webapp.schemas.scopes import ScopeAnswer, ScopeBody

LONGEST_DAYS = 730
TokenName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class TokenPath(Request):
    """Which token."""

    token_id: int = Field(ge=0, le=LARGEST_ID)


class NewToken(Request):
    """A token to make."""

    name: TokenName = Field(examples=["erp-production"])
    permissions: list[str] = Field(min_length=1, max_length=50, description=f"Of: {', '.join(sorted(FOR_TOKENS))}.")
    scope: ScopeBody | None = Field(None, description="What the token is limited to; null for everything.")
    expires_in_days: Whole = Field(365, ge=1, le=LONGEST_DAYS)


class TokenAnswer(Answer):
    """A token, without its text."""

    id: int
    name: str
    hint: str = Field(description="How the token begins.")
    permissions: list[str]
    scope: ScopeAnswer | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class CreatedToken(TokenAnswer):
    """A new token with its text."""

    token: str = Field(description="For the Authorization header; it is shown this once.")


class TokenList(ListAnswer):
    """Tokens, newest first."""

    items: list[TokenAnswer]
