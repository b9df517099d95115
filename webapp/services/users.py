"""Accounts: created by an administrator, on the command line, or by whoever is let in to register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import ConflictError
from webapp.auth.passwords import hash_password, verify_password
from webapp.auth.permissions import PERMISSIONS
from webapp.errors import FieldError, InvalidRequestError
from webapp.models import LoginSession, User
from webapp.queries.scope import Scope
from webapp.services import throttle

LONGEST_EMAIL, LONGEST_NAME = 120, 120
CHANGEABLE = ("name", "role_name", "active", "scope")


def normalise_email(email: str) -> str:
    """An e-mail address as it is stored and compared."""
    return email.replace("\0", "").strip().lower()  # no database takes NUL


def create_user(
    session: Session,
    email: str,
    password: str,
    role: str,
    name: str = "",
    *,
    scope: Scope | None = None,
    actor: str = "",
) -> User:
    """Create an account; commits. Raises InvalidRequestError or ConflictError."""
    user = add_user(session, email, password, role, name, scope=scope, actor=actor)
    session.commit()
    return user


def add_user(
    session: Session,
    email: str,
    password: str,
    role: str,
    name: str = "",
    *,
    scope: Scope | None = None,
    actor: str = "",
) -> User:
    """As `create_user`; leaves the commit to the caller."""
    email = checked_email(email)
    check_role(role, scope)
    user = User(
        email=email,
        name=name.strip()[:LONGEST_NAME] or email.partition("@")[0],
        password_hash=checked_hash(password),
        role_name=role,
        scope=scope.stored() if scope else None,
        active=True,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        raise ConflictError(f"there is an account for {email} already; choose another address.") from None
    after = {"email": email, **{field: getattr(user, field) for field in CHANGEABLE}}
    audit.record(session, "create", "user", user.id, after=after, actor=actor)
    return user


def update_user(session: Session, user: User, values: Mapping[str, Any]) -> User:
    """Change name, role, scope (as stored) or whether the account is on; commits.

    Raises InvalidRequestError, and ConflictError where nobody would be left to manage accounts.
    """
    before = {field: getattr(user, field) for field in CHANGEABLE}
    for field, value in values.items():
        setattr(user, field, value)
    check_role(user.role_name, Scope.of(user.scope))
    session.flush()
    if before["role_name"] == "admin" and not any_admin(session):
        session.rollback()
        raise ConflictError("this is the last account that may manage others; make another administrator first.")
    audit.record(
        session, "update", "user", user.id, before=before, after={name: getattr(user, name) for name in CHANGEABLE}
    )
    session.commit()
    return user


def set_password(session: Session, user: User, password: str, keep_session: str = "", field: str = "password") -> None:
    """Give an account a new password, and end its sign-ins but `keep_session`; commits. Raises InvalidRequestError."""
    user.password_hash = checked_hash(password, field)
    others = sa.update(LoginSession).where(
        LoginSession.user_id == user.id, LoginSession.revoked_at.is_(None), LoginSession.id != keep_session
    )
    session.execute(others.values(revoked_at=utc_now()), execution_options={"synchronize_session": False})
    audit.record(session, "set_password", "user", user.id)
    session.commit()


def change_password(
    session: Session, user: User, current: str, new: str, *, keep_session: str = "", address: str = ""
) -> None:
    """Change one's own password, knowing the one so far; commits. Guesses at it are slowed as those of a sign-in.

    Raises InvalidRequestError and TooManyAttemptsError.
    """
    throttle.count_attempt(session, user.email, address)
    if not verify_password(user.password_hash, current):
        raise InvalidRequestError([FieldError("current_password", "this is not the password of the account")])
    throttle.forget_failures(session, user.email, address)
    set_password(session, user, new, keep_session, "new_password")


def checked_email(email: str) -> str:
    """An address as it is stored; raises InvalidRequestError for one that is none."""
    email = normalise_email(email)
    local, _, domain = email.partition("@")
    if not local or not domain or not email.isprintable() or " " in email or len(email) > LONGEST_EMAIL:
        raise InvalidRequestError([FieldError("email", f"{email!r} is no e-mail address")])
    return email


def check_role(role: str, scope: Scope | None) -> None:
    """Raise InvalidRequestError for a role that is unknown, or that cannot be limited."""
    if role not in PERMISSIONS:
        raise InvalidRequestError(
            [FieldError("role", f"{role!r} is no role; expected one of {', '.join(PERMISSIONS)}")]
        )
    if role == "admin" and scope is not None:
        raise InvalidRequestError([FieldError("scope", "an administrator cannot be limited; choose another role")])


def checked_hash(password: str, field: str = "password") -> str:
    """The hash of a password; raises InvalidRequestError for one that is too short or too long."""
    try:
        return hash_password(password)
    except ValueError as error:
        raise InvalidRequestError([FieldError(field, str(error))]) from None


def any_admin(session: Session) -> bool:
    """Whether somebody is left who may manage accounts."""
    query = sa.select(sa.func.count(User.id)).where(User.role_name == "admin", User.active)
    return session.scalar(query) != 0


def any_users(session: Session) -> bool:
    """Whether anybody has an account yet."""
    return session.scalar(sa.select(sa.func.count(User.id))) != 0
