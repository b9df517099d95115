"""Tables of the web app: users and their roles, sign-ins with their tokens, invitations, service tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Flag, HashKey, Json, Name, UtcDateTime


class Role(Base):
    """A set of permissions by name: viewer, planner, operator or admin."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(Name(16), primary_key=True)
    description: Mapped[str] = mapped_column(Name(250))


class User(Base):
    """Somebody who may sign in. `scope` is what a limited account may see (webapp.queries.scope); null: everything."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(Name(120), unique=True)  # lower case
    name: Mapped[str] = mapped_column(Name(120))
    password_hash: Mapped[str] = mapped_column(Name(250))
    role_name: Mapped[str] = mapped_column(sa.ForeignKey("roles.name"))
    scope: Mapped[dict[str, Any] | None] = mapped_column(Json)
    active: Mapped[bool] = mapped_column(Flag, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    role: Mapped[Role] = relationship(lazy="joined")


class LoginSession(Base):
    """One sign-in. Its tokens are good while it is neither revoked nor over."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(Name(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined")


class RefreshToken(Base):
    """A token that is exchanged, once, for an access token and the next refresh token of the same sign-in.

    Only a hash is kept. One that comes again after it was used has been copied: its sign-in is revoked.
    """

    __tablename__ = "refresh_tokens"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    session_id: Mapped[str] = mapped_column(sa.ForeignKey("login_sessions.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(HashKey, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    login: Mapped[LoginSession] = relationship(lazy="joined")


class Invitation(Base):
    """Lets somebody make an account of their own, once, with the role and scope that an administrator chose."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(HashKey, unique=True)
    email: Mapped[str] = mapped_column(Name(120))  # lower case
    role_name: Mapped[str] = mapped_column(sa.ForeignKey("roles.name"))
    scope: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_by: Mapped[str] = mapped_column(Name(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ServiceToken(Base):
    """A system's way in: permissions of its own, a scope, an end. Only a hash of the token is kept."""

    __tablename__ = "service_tokens"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(100), unique=True)
    token_hash: Mapped[bytes] = mapped_column(HashKey, unique=True)
    hint: Mapped[str] = mapped_column(Name(16))  # how the token begins, to tell it from others
    permissions: Mapped[list[str]] = mapped_column(Json)
    scope: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_by: Mapped[str] = mapped_column(Name(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # to the minute
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInThrottle(Base):
    """Wrong passwords in a row for one account, known or not, or from one address, and until when that has to wait.

    In the database and not in Redis: a limit on guessing must hold while Redis is down.
    """

    __tablename__ = "sign_in_throttles"

    key: Mapped[bytes] = mapped_column(HashKey, primary_key=True)  # of an account or a network address
    failures: Mapped[int] = mapped_column(sa.Integer(), default=0)
    last_failure_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SavedView(Base):
    """A page's filters under a name: its owner's alone, or shared with everybody who may see the page."""

    __tablename__ = "saved_views"
    __table_args__ = (sa.UniqueConstraint("user_id", "page", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    page: Mapped[str] = mapped_column(Name(32))  # the endpoint that takes the filters
    name: Mapped[str] = mapped_column(Name(80))
    filters: Mapped[dict[str, str]] = mapped_column(Json)  # of the query string
    shared: Mapped[bool] = mapped_column(Flag, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    user: Mapped[User] = relationship(lazy="joined")
