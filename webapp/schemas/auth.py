"""Signing in and out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.schemas.base import Answer, Request


class LoginBody(Request):
    """Who signs in."""

    email: str = Field(max_length=120, examples=["planner@example.com"])
    password: str = Field(max_length=200)


class UserAnswer(Answer):
    """An account and what it may do."""

    id: int
    email: str
    name: str
    role: str
    permissions: list[str]


class LoginAnswer(Answer):
    """A token for the Authorization header."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the token expires.")
    user: UserAnswer
