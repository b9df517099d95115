"""Signing in and out, one's own password, registration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.schemas.base import Answer, Request
from webapp.schemas.scopes import ScopeAnswer


class LoginBody(Request):
    """Who signs in."""

    email: str = Field(max_length=120, examples=["planner@example.com"])
    password: str = Field(max_length=200)


class RefreshBody(Request):
    """The token that is exchanged."""

    refresh_token: str = Field(max_length=200)


class PasswordBody(Request):
    """One's own password, as it was and as it shall be."""

    current_password: str = Field(max_length=200)
    new_password: str = Field(max_length=200, description="10 to 200 characters.")


class RegisterBody(Request):
    """A new account."""

    email: str = Field(max_length=120, examples=["planner@example.com"])
    password: str = Field(max_length=200, description="10 to 200 characters.")
    name: str = Field("", max_length=120)
    invitation: str = Field("", max_length=200, description="The token of an invitation, unless anybody may register.")


class UserAnswer(Answer):
    """An account, or a service token, and what it may do."""

    id: int
    email: str = Field(description="How the caller is named wherever something was done; of a token, token:<name>.")
    name: str
    role: str = Field(description="viewer, planner, operator or admin; service for a token.")
    permissions: list[str]
    scope: ScopeAnswer | None = Field(description="What the caller may see; null for everything.")


class LoginAnswer(Answer):
    """A token for the Authorization header, and the one that is exchanged for the next."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the access token expires.")
    refresh_token: str = Field(description="Good for one exchange; one that is used twice ends the sign-in.")
    user: UserAnswer
