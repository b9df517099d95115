"""Accounts: created by an administrator or on the command line."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ml.errors import ConflictError
from webapp.auth.passwords import hash_password
from webapp.auth.permissions import PERMISSIONS
from webapp.errors import FieldError, InvalidRequestError
from webapp.models import User

LONGEST_EMAIL = 120


def normalise_email(email: str) -> str:
    """An e-mail address as it is stored and compared."""
    return email.replace("\0", "").strip().lower()  # no database takes NUL


def create_user(session: Session, email: str, password: str, role: str, name: str = "") -> User:
    """Create an account; commits. Raises InvalidRequestError or ConflictError."""
    email = normalise_email(email)
    local, _, domain = email.partition("@")
    if not local or not domain or any(c.isspace() for c in email) or len(email) > LONGEST_EMAIL:
        raise InvalidRequestError([FieldError("email", f"{email!r} is no e-mail address")])
    if role not in PERMISSIONS:
        raise InvalidRequestError(
            [FieldError("role", f"{role!r} is no role; expected one of {', '.join(PERMISSIONS)}")]
        )
    try:
        password_hash = hash_password(password)
    except ValueError as error:
        raise InvalidRequestError([FieldError("password", str(error))]) from None
    user = User(email=email, name=name.strip() or local, password_hash=password_hash, role_name=role)
    session.add(user)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise ConflictError(f"there is an account for {email} already; choose another address.") from None
    return user


def any_users(session: Session) -> bool:
    """Whether anybody has an account yet."""
    return session.scalar(sa.select(sa.func.count(User.id))) != 0
