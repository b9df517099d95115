"""Registration: who may make an account of their own, and the invitations that let them."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import ConflictError
from webapp.auth.opaque import INVITATION, new_token, token_hash
from webapp.errors import FieldError, ForbiddenError, InvalidRequestError
from webapp.models import Invitation, User
from webapp.queries.scope import Scope
from webapp.services import throttle
from webapp.services.users import add_user, check_role, checked_email

OPEN_ROLE = "viewer"
"""The role of whoever registers without an invitation."""

LIFETIME = timedelta(days=7)


def invite(session: Session, email: str, role: str, scope: Scope | None, user: str) -> tuple[Invitation, str]:
    """An invitation, and its token, which is shown this once; commits.

    Raises InvalidRequestError, and ConflictError where the address has an account.
    """
    email = checked_email(email)
    check_role(role, scope)
    if session.scalar(sa.select(User.id).where(User.email == email)) is not None:
        raise ConflictError(f"there is an account for {email} already.")
    token = new_token(INVITATION)
    row = Invitation(
        token_hash=token_hash(token),
        email=email,
        role_name=role,
        scope=scope.stored() if scope else None,
        created_by=user,
        expires_at=utc_now() + LIFETIME,
    )
    session.add(row)
    session.flush()
    audit.record(session, "create", "invitation", row.id, after={"email": email, "role": role, "scope": row.scope})
    session.commit()
    return row, token


def withdraw(session: Session, row: Invitation) -> None:
    """Make an invitation worthless; commits."""
    audit.record(session, "delete", "invitation", row.id, before={"email": row.email, "role": row.role_name})
    session.delete(row)
    session.commit()


def find(session: Session, token: str) -> Invitation | None:
    """The invitation behind a token, where it is still good."""
    row = session.scalar(sa.select(Invitation).where(Invitation.token_hash == token_hash(token)))
    return row if row is not None and row.used_at is None and row.expires_at > utc_now() else None


def register(
    session: Session, mode: str, *, email: str, password: str, name: str = "", token: str = "", address: str = ""
) -> User:
    """Make an account, as far as `mode` lets one; commits.

    Raises ForbiddenError where registration is closed or the invitation is not good, InvalidRequestError and
    ConflictError. Tries are counted by address, as those of a sign-in.
    """
    if mode == "closed":
        raise ForbiddenError("registration-closed", "nobody can register here; ask an administrator for an account.")
    throttle.count_address(session, address)
    if token:
        user = _accept(session, checked_email(email), password, name, token)
    elif mode == "open":
        user = add_user(session, email, password, OPEN_ROLE, name, actor=checked_email(email))
    else:
        raise InvalidRequestError([FieldError("invitation", "registering needs an invitation by an administrator")])
    throttle.forgive_address(session, address)
    session.commit()
    return user


def _accept(session: Session, email: str, password: str, name: str, token: str) -> User:
    row = find(session, token)
    if row is None or row.email != email:
        raise ForbiddenError(
            "invalid-invitation", "the invitation is unknown, used, too old, or for another address; ask for a new one."
        )
    used = sa.update(Invitation).where(Invitation.id == row.id, Invitation.used_at.is_(None)).values(used_at=utc_now())
    if session.execute(used).rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError("the invitation was used a moment ago.")
    return add_user(session, email, password, row.role_name, name, scope=Scope.of(row.scope), actor=email)
