"""Tables of the web app: users, their roles, and their sign-in sessions."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Flag, HashKey, Name, UtcDateTime


class Role(Base):
    """A set of permissions by name: viewer, planner, operator or admin."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(Name(16), primary_key=True)
    description: Mapped[str] = mapped_column(Name(250))


class User(Base):
    """Somebody who may sign in."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(Name(120), unique=True)  # lower case
    name: Mapped[str] = mapped_column(Name(120))
    password_hash: Mapped[str] = mapped_column(Name(250))
    role_name: Mapped[str] = mapped_column(sa.ForeignKey("roles.name"))
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


class SignInThrottle(Base):
    """Wrong passwords in a row for one account, known or not, and until when it has to wait.

    In the database and not in Redis: a limit on guessing must hold while Redis is down.
    """

    __tablename__ = "sign_in_throttles"

    key: Mapped[bytes] = mapped_column(HashKey, primary_key=True)  # hash_key("account", e-mail)
    failures: Mapped[int] = mapped_column(sa.Integer(), default=0)
    last_failure_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
