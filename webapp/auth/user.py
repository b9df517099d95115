"""Who is behind the current request."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g

from webapp.auth.permissions import PERMISSIONS, SIGNED_IN
from webapp.models import LoginSession


@dataclass(frozen=True)
class CurrentUser:
    """The signed-in user, free of any database session."""

    id: int
    email: str
    name: str
    role: str
    session_id: str

    @classmethod
    def of(cls, login: LoginSession) -> CurrentUser:
        user = login.user
        return cls(user.id, user.email, user.name, user.role_name, login.id)

    @property
    def permissions(self) -> frozenset[str]:
        """What the user's role allows."""
        return PERMISSIONS.get(self.role, frozenset())

    def can(self, permission: str) -> bool:
        """Whether the user may use what asks for `permission`."""
        return permission == SIGNED_IN or permission in self.permissions


def current_user() -> CurrentUser | None:
    """The user of this request; None on public routes without a sign-in."""
    user: CurrentUser | None = g.get("user")
    return user


def signed_in_user() -> CurrentUser:
    """The user of this request, on routes that are not public."""
    user = current_user()
    if user is None:
        raise RuntimeError("signed_in_user() was called in a public view")
    return user
