"""Service tokens, for administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, url_for

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import USERS_MANAGE
from webapp.extensions import db
from webapp.models import ServiceToken
from webapp.queries import access as queries
from webapp.queries.scope import Scope
from webapp.schemas.base import PageQuery, encode_cursor
from webapp.schemas.scopes import scope_answer
from webapp.schemas.tokens import CreatedToken, NewToken, TokenAnswer, TokenList, TokenPath
from webapp.services import tokens as service

blueprint = api_blueprint("tokens", "/tokens")


@blueprint.get("", responses={200: TokenList})
@requires(USERS_MANAGE)
def list_tokens(query: PageQuery) -> Response:
    """List service tokens, newest first, those that were revoked among them."""
    page = queries.list_tokens(db.session(), query.limit, query.cursor)
    items = [TokenAnswer(**token_fields(row)) for row in page.items]
    return answer(TokenList(items=items, next_cursor=encode_cursor(page.next_below)))


@blueprint.get("/<int:token_id>", responses={200: TokenAnswer, **problems(404)})
@requires(USERS_MANAGE)
def show_token(path: TokenPath) -> Response:
    """Read what a service token may do, and when it was last used."""
    return answer(TokenAnswer(**token_fields(queries.get_row(db.session(), ServiceToken, path.token_id))))


@blueprint.post("", responses={201: CreatedToken, **problems(400, 409, 415)})
@requires(USERS_MANAGE)
def create_token(body: NewToken) -> Response:
    """Make a service token; its text is shown in this answer alone."""
    scope = body.scope.scope() if body.scope else None
    lifetime = timedelta(days=body.expires_in_days)
    row, text = service.create_token(
        db.session(), body.name, body.permissions, scope=scope, lifetime=lifetime, user=signed_in_user().email
    )
    location = url_for("api_tokens.show_token", token_id=row.id)
    return answer(CreatedToken(**token_fields(row), token=text), 201, Location=location)


@blueprint.delete("/<int:token_id>", responses={204: None, **problems(404)})
@requires(USERS_MANAGE)
def revoke_token(path: TokenPath) -> Response:
    """Revoke a service token, from the next request on."""
    session = db.session()
    service.revoke_token(session, queries.get_row(session, ServiceToken, path.token_id))
    return Response(status=204)


def token_fields(row: ServiceToken) -> dict[str, Any]:
    names = TokenAnswer.model_fields.keys() - {"scope"}
    return {**{name: getattr(row, name) for name in names}, "scope": scope_answer(Scope.of(row.scope))}
