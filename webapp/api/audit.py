"""The audit log, for administrators."""

from __future__ import annotations

from flask import Response

from webapp.api.answers import answer
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires
from webapp.auth.permissions import USERS_MANAGE
from webapp.extensions import db
from webapp.queries.access import list_audit
from webapp.schemas.audit import AuditAnswer, AuditList, AuditQuery
from webapp.schemas.base import encode_cursor

blueprint = api_blueprint("audit", "/audit")


@blueprint.get("", responses={200: AuditList})
@requires(USERS_MANAGE)
def list_changes(query: AuditQuery) -> Response:
    """List who changed what, from what to what, newest first."""
    page = list_audit(db.session(), **query.model_dump(exclude={"cursor"}), below=query.cursor)
    items = [AuditAnswer.model_validate(row) for row in page.items]
    return answer(AuditList(items=items, next_cursor=encode_cursor(page.next_below)))
