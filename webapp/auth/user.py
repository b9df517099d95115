"""Who is behind the current request: a person who signed in, or a system with a token."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g

from webapp.auth.permissions import PERMISSIONS, READING, SERVICE, SIGNED_IN
from webapp.models import LoginSession, ServiceToken
from webapp.queries.scope import Scope


@dataclass(frozen=True)
class CurrentUser:
    """The caller, free of any database session. `email` is how they are named wherever something was done.

    `scope` is what they are limited to (None: nothing), `granted` a token's own permissions.
    """

    id: int
    email: str
    name: str
    role: str
    session_id: str
    scope: Scope | None = None
    granted: frozenset[str] | None = None

    @classmethod
    def of(cls, login: LoginSession) -> CurrentUser:
        user = login.user
        return cls(user.id, user.email, user.name, user.role_name, login.id, Scope.of(user.scope))

    @classmethod
    def of_token(cls, token: ServiceToken) -> CurrentUser:
        """A system; the token stands for its sign-in, and its permissions are its own."""
        scope = Scope.of(token.scope)
        granted = frozenset(token.permissions)
        return cls(token.id, f"token:{token.name}", token.name, SERVICE, f"token:{token.id}", scope, granted)

    @property
    def permissions(self) -> frozenset[str]:
        """What the user's role, or the token, allows."""
        return PERMISSIONS.get(self.role, frozenset()) if self.granted is None else self.granted

    @property
    def is_system(self) -> bool:
        """Whether a token asks and no person."""
        return self.granted is not None

    def can(self, permission: str, *, scoped: bool = False) -> bool:
        """Whether the user may use what asks for `permission`; of what a limited one changes, only what is `scoped`."""
        if permission != SIGNED_IN and permission not in self.permissions:
            return False
        return self.scope is None or scoped or permission in READING


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
