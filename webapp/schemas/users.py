"""Accounts and invitations, as administrators see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from webapp.schemas.base import LARGEST_ID, Answer, Flag, ListAnswer, PageQuery, Request
from webapp.schemas.scopes import ScopeAnswer, ScopeBody

RoleName = Literal["viewer", "planner", "operator", "admin"]
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


class UserPath(Request):
    """Which account."""

    user_id: int = Field(ge=0, le=LARGEST_ID)


class UserQuery(PageQuery):
    """Which accounts."""

    q: str = Field("", max_length=120, description="A part of the e-mail address or the name.")
    role: RoleName | None = None
    active: bool | None = None


class NewUser(Request):
    """An account to make."""

    email: str = Field(max_length=120, examples=["planner@example.com"])
    name: str = Field("", max_length=120)
    password: str = Field(max_length=200, description="10 to 200 characters.")
    role: RoleName
    scope: ScopeBody | None = Field(None, description="What the account is limited to; null for everything.")


class UserChange(Request):
    """What changes of an account; what is left out stays."""

    name: PersonName | None = None
    role: RoleName | None = None
    active: Flag | None = None
    scope: ScopeBody | None = Field(None, description="null lifts the limit.")


class NewPassword(Request):
    """A password that an administrator sets."""

    password: str = Field(max_length=200, description="10 to 200 characters.")


class AccountAnswer(Answer):
    """An account."""

    id: int
    email: str
    name: str
    role: str
    active: bool
    scope: ScopeAnswer | None = Field(description="What the account is limited to; null for everything.")
    created_at: datetime
    last_login_at: datetime | None


class AccountList(ListAnswer):
    """Accounts, newest first."""

    items: list[AccountAnswer]


class InvitationPath(Request):
    """Which invitation."""

    invitation_id: int = Field(ge=0, le=LARGEST_ID)


class NewInvitation(Request):
    """Who is invited, as what."""

    email: str = Field(max_length=120, examples=["planner@example.com"])
    role: RoleName
    scope: ScopeBody | None = None


class InvitationAnswer(Answer):
    """An invitation."""

    id: int
    email: str
    role: str
    scope: ScopeAnswer | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class SentInvitation(InvitationAnswer):
    """A new invitation, with what to hand on."""

    token: str = Field(description="Hand it to whoever is invited; it is shown this once.")


class InvitationList(ListAnswer):
    """Invitations, newest first."""

    items: list[InvitationAnswer]
