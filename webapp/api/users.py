"""Accounts and invitations, for administrators."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import USERS_MANAGE
from webapp.extensions import db
from webapp.models import Invitation, User
from webapp.queries import access as queries
from webapp.queries.scope import Scope
from webapp.schemas.base import PageQuery, encode_cursor
from webapp.schemas.scopes import scope_answer, stored_scope
from webapp.schemas.users import (
    AccountAnswer,
    AccountList,
    InvitationAnswer,
    InvitationList,
    InvitationPath,
    NewInvitation,
    NewPassword,
    NewUser,
    SentInvitation,
    UserChange,
    UserPath,
    UserQuery,
)
from webapp.services import invitations
from webapp.services import users as service

blueprint = api_blueprint("users")


@blueprint.get("/users", responses={200: AccountList})
@requires(USERS_MANAGE)
def list_users(query: UserQuery) -> Response:
    """List accounts, newest first."""
    page = queries.list_users(db.session(), query.q, query.role, query.active, limit=query.limit, below=query.cursor)
    items = [account_answer(row) for row in page.items]
    return answer(AccountList(items=items, next_cursor=encode_cursor(page.next_below)))


@blueprint.get("/users/<int:user_id>", responses={200: AccountAnswer, **problems(404)})
@requires(USERS_MANAGE)
def show_user(path: UserPath) -> Response:
    """Read an account."""
    return answer(account_answer(queries.get_row(db.session(), User, path.user_id)))


@blueprint.post("/users", responses={201: AccountAnswer, **problems(400, 409, 415)})
@requires(USERS_MANAGE)
def create_user(body: NewUser) -> Response:
    """Make an account; 409 where the address has one."""
    scope = body.scope.scope() if body.scope else None
    user = service.create_user(db.session(), body.email, body.password, body.role, body.name, scope=scope)
    return answer(account_answer(user), 201, Location=url_for("api_users.show_user", user_id=user.id))


@blueprint.patch("/users/<int:user_id>", responses={200: AccountAnswer, **problems(400, 404, 409, 415)})
@requires(USERS_MANAGE)
def change_user(path: UserPath, body: UserChange) -> Response:
    """Change name, role or scope of an account, or switch it off and on; it counts from the next request on.

    409 where nobody would be left to manage accounts.
    """
    session = db.session()
    user = queries.get_row(session, User, path.user_id)
    return answer(account_answer(service.update_user(session, user, changed_values(body))))


@blueprint.put("/users/<int:user_id>/password", responses={204: None, **problems(400, 404, 415)})
@requires(USERS_MANAGE)
def set_password(path: UserPath, body: NewPassword) -> Response:
    """Set the password of an account; its sign-ins end."""
    session = db.session()
    service.set_password(session, queries.get_row(session, User, path.user_id), body.password)
    return Response(status=204)


@blueprint.get("/invitations", responses={200: InvitationList})
@requires(USERS_MANAGE)
def list_invitations(query: PageQuery) -> Response:
    """List invitations, newest first."""
    page = queries.list_invitations(db.session(), query.limit, query.cursor)
    items = [InvitationAnswer(**invitation_fields(row)) for row in page.items]
    return answer(InvitationList(items=items, next_cursor=encode_cursor(page.next_below)))


@blueprint.post("/invitations", responses={201: SentInvitation, **problems(400, 409, 415)})
@requires(USERS_MANAGE)
def create_invitation(body: NewInvitation) -> Response:
    """Invite somebody to make an account; hand on the token, which is good for a week and once."""
    scope = body.scope.scope() if body.scope else None
    row, token = invitations.invite(db.session(), body.email, body.role, scope, signed_in_user().email)
    return answer(SentInvitation(**invitation_fields(row), token=token), 201)


@blueprint.delete("/invitations/<int:invitation_id>", responses={204: None, **problems(404)})
@requires(USERS_MANAGE)
def delete_invitation(path: InvitationPath) -> Response:
    """Withdraw an invitation."""
    session = db.session()
    invitations.withdraw(session, queries.get_row(session, Invitation, path.invitation_id))
    return Response(status=204)


def changed_values(body: UserChange) -> dict[str, Any]:
    """The columns that a change gives; null counts for the scope alone."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    values = {name: value for name, value in given.items() if name != "scope" and value is not None}
    if "scope" in given:
        values["scope"] = stored_scope(body.scope)
    if "role" in values:
        values["role_name"] = values.pop("role")
    return values


def account_answer(user: User) -> AccountAnswer:
    return AccountAnswer(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role_name,
        active=user.active,
        scope=scope_answer(Scope.of(user.scope)),
        created_at=user.created_at,
        last_login_at=user.last_login_at,
    )


def invitation_fields(row: Invitation) -> dict[str, Any]:
    names = InvitationAnswer.model_fields.keys() - {"role", "scope"}
    scope = scope_answer(Scope.of(row.scope))
    return {**{name: getattr(row, name) for name in names}, "role": row.role_name, "scope": scope}
