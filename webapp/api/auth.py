"""Sign-in for programs: tokens in exchange for e-mail and password, and new ones for those that expire."""

from __future__ import annotations

from flask import Response, request

from webapp.api.answers import answer, problems
from webapp.api.blueprint import TOKEN, api_blueprint
from webapp.auth import SIGNED_IN, CurrentUser, public, requires, signed_in_user
from webapp.auth.tokens import access_token
from webapp.errors import ForbiddenError
from webapp.extensions import db, settings
from webapp.models import User
from webapp.queries.access import get_row
from webapp.queries.scope import Scope
from webapp.schemas.auth import LoginAnswer, LoginBody, PasswordBody, RefreshBody, RegisterBody, UserAnswer
from webapp.schemas.scopes import scope_answer
from webapp.services import invitations, refresh, sign_in, users

blueprint = api_blueprint("auth", "/auth", security=[])


@blueprint.post("/login", responses={200: LoginAnswer, **problems(400, 401, 415, 422, 429, 503)})
@public
def login(body: LoginBody) -> Response:
    """Get an access token, good for minutes, and a refresh token for the next one."""
    opened = sign_in.sign_in(
        db.session(), body.email, body.password, settings().session_lifetime, request.remote_addr or ""
    )
    return login_answer(CurrentUser.of(opened.login), opened.refresh_token)


@blueprint.post("/refresh", responses={200: LoginAnswer, **problems(400, 401, 415, 422, 503)})
@public
def exchange(body: RefreshBody) -> Response:
    """Exchange a refresh token for a new access token and the next refresh token.

    Each is good once. One that comes again was copied, so the sign-in ends, with all its tokens.
    """
    renewed = refresh.renew(db.session(), body.refresh_token)
    return login_answer(CurrentUser.of(renewed.login), renewed.token or "")


@blueprint.post("/logout", security=TOKEN, responses={204: None})
@requires(SIGNED_IN)
def logout() -> Response:
    """Revoke the token, and all others of the same sign-in."""
    sign_in.sign_out(db.session(), person().session_id)
    return Response(status=204)


@blueprint.get("/me", security=TOKEN, responses={200: UserAnswer})
@requires(SIGNED_IN)
def me() -> Response:
    """Who the token stands for."""
    return answer(user_answer(signed_in_user()))


@blueprint.post("/password", security=TOKEN, responses={204: None, **problems(400, 415, 429)})
@requires(SIGNED_IN)
def change_password(body: PasswordBody) -> Response:
    """Change one's own password; all other sign-ins of the account end."""
    session, me = db.session(), person()
    users.change_password(
        session,
        get_row(session, User, me.id),
        body.current_password,
        body.new_password,
        keep_session=me.session_id,
        address=request.remote_addr or "",
    )
    return Response(status=204)


@blueprint.post("/register", responses={201: UserAnswer, **problems(400, 403, 409, 415, 422, 429, 503)})
@public
def register(body: RegisterBody) -> Response:
    """Make an account with an invitation, or without one where anybody may register."""
    made = invitations.register(
        db.session(),
        settings().registration,
        email=body.email,
        password=body.password,
        name=body.name,
        token=body.invitation,
        address=request.remote_addr or "",
    )
    user = CurrentUser(made.id, made.email, made.name, made.role_name, "", Scope.of(made.scope))
    return answer(user_answer(user), 201)


def person() -> CurrentUser:
    """The caller, who must have signed in; raises ForbiddenError for a service token."""
    user = signed_in_user()
    if user.is_system:
        raise ForbiddenError(
            "person-needed", "a service token has no sign-in and no password; an administrator ends it."
        )
    return user


def login_answer(user: CurrentUser, refresh_token: str) -> Response:
    return answer(
        LoginAnswer(
            access_token=access_token(user),
            expires_in=int(settings().access_lifetime.total_seconds()),
            refresh_token=refresh_token,
            user=user_answer(user),
        )
    )


def user_answer(user: CurrentUser) -> UserAnswer:
    return UserAnswer(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        permissions=sorted(user.permissions),
        scope=scope_answer(user.scope),
    )
