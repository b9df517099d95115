"""Sign-in for programs: a token in exchange for e-mail and password."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer, problems
from webapp.api.blueprint import TOKEN, api_blueprint
from webapp.auth import SIGNED_IN, CurrentUser, public, requires, signed_in_user
from webapp.auth.tokens import access_token
from webapp.extensions import db, settings
from webapp.schemas.auth import LoginAnswer, LoginBody, UserAnswer
from webapp.services import sign_in

blueprint = api_blueprint("auth", "/auth", security=[])


@blueprint.post("/login", responses={200: LoginAnswer, **problems(400, 401, 415, 422, 429, 503)})
@public
def login(body: LoginBody) -> Response:
    """Get a token."""
    opened = sign_in.sign_in(db.session(), body.email, body.password, settings().session_lifetime)
    user = CurrentUser.of(opened)
    seconds = int(settings().access_lifetime.total_seconds())
    return answer(LoginAnswer(access_token=access_token(user), expires_in=seconds, user=user_answer(user)))


@blueprint.post("/logout", security=TOKEN, responses={204: None})
@requires(SIGNED_IN)
def logout() -> Response:
    """Revoke the token, and all others of the same sign-in."""
    sign_in.sign_out(db.session(), signed_in_user().session_id)
    return Response(status=204)


@blueprint.get("/me", security=TOKEN, responses={200: UserAnswer})
@requires(SIGNED_IN)
def me() -> Response:
    """Who the token stands for."""
    return answer(user_answer(signed_in_user()))


def user_answer(user: CurrentUser) -> UserAnswer:
    return UserAnswer(
        id=user.id, email=user.email, name=user.name, role=user.role, permissions=sorted(user.permissions)
    )
