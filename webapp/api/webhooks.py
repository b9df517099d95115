"""Webhooks: who is told of events, what was sent, and sending it again."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SOURCES_MANAGE
from webapp.extensions import db, settings
from webapp.queries import webhooks as queries
from webapp.schemas.base import PageQuery, encode_cursor
from webapp.schemas.webhooks import (
    DeliveryAnswer,
    DeliveryList,
    DeliveryPath,
    DeliveryQuery,
    NewWebhook,
    RotateBody,
    WebhookAnswer,
    WebhookBody,
    WebhookList,
    WebhookPath,
    WebhookWithSecret,
)
from webapp.services import webhooks as service
from worker.models import WebhookEndpoint

blueprint = api_blueprint("webhooks", "/webhooks")


@blueprint.get("", responses={200: WebhookList})
@requires(SOURCES_MANAGE)
def list_webhooks(query: PageQuery) -> Response:
    """List webhooks, newest first."""

    def fetch(part: PageQuery) -> WebhookList:
        page = queries.list_endpoints(db.session(), part.limit, part.cursor)
        items = [WebhookAnswer.model_validate(row) for row in page.items]
        return WebhookList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.post("", responses={201: WebhookWithSecret, **problems(400, 409, 415)})
@requires(SOURCES_MANAGE)
def create_webhook(body: NewWebhook) -> Response:
    """Add a webhook. Keep the secret of the answer: it signs what is posted, and is not shown again."""
    draft = service.EndpointDraft(**body.model_dump())
    row, secret = service.create_endpoint(db.session(), settings().engine, draft, signed_in_user().email)
    location = url_for("api_webhooks.show_webhook", webhook_id=row.id)
    return answer(with_secret(row, secret), 201, Location=location)


@blueprint.get("/<int:webhook_id>", responses={200: WebhookAnswer, 304: None, **problems(404)})
@requires(SOURCES_MANAGE)
def show_webhook(path: WebhookPath) -> Response:
    """Read a webhook."""
    return tagged(WebhookAnswer.model_validate(queries.get_endpoint(db.session(), path.webhook_id)))


@blueprint.put("/<int:webhook_id>", responses={200: WebhookAnswer, **problems(400, 404, 412, 415)})
@requires(SOURCES_MANAGE)
def replace_webhook(path: WebhookPath, body: WebhookBody) -> Response:
    """Replace all of a webhook but its secret; with active=false it is told nothing more."""
    session = db.session()
    row = webhook_to_change(session, path)
    service.replace_endpoint(session, settings().engine, row, service.EndpointDraft(**body.model_dump()))
    return tagged(WebhookAnswer.model_validate(row))


@blueprint.delete("/<int:webhook_id>", responses={204: None, **problems(404, 412)})
@requires(SOURCES_MANAGE)
def delete_webhook(path: WebhookPath) -> Response:
    """Delete a webhook with the log of what was sent to it."""
    session = db.session()
    service.delete_endpoint(session, webhook_to_change(session, path))
    return Response(status=204)


@blueprint.post("/<int:webhook_id>/secret", responses={200: WebhookWithSecret, **problems(400, 404, 415)})
@requires(SOURCES_MANAGE)
def rotate_secret(path: WebhookPath, body: RotateBody) -> Response:
    """Get a new secret; for some hours the old one signs as well, so that receivers can change over."""
    row, secret = service.rotate_secret(db.session(), settings().engine, path.webhook_id, body.hours)
    return answer(with_secret(row, secret))


@blueprint.get("/<int:webhook_id>/deliveries", responses={200: DeliveryList, **problems(404)})
@requires(SOURCES_MANAGE)
def list_deliveries(path: WebhookPath, query: DeliveryQuery) -> Response:
    """List what was sent, newest first, and what receivers answered."""

    def fetch(part: DeliveryQuery) -> DeliveryList:
        page = queries.list_deliveries(db.session(), path.webhook_id, part.state, part.limit, part.cursor)
        items = [DeliveryAnswer.model_validate(row) for row in page.items]
        return DeliveryList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.post("/deliveries/<int:delivery_id>/replay", responses={202: DeliveryAnswer, **problems(404, 409)})
@requires(SOURCES_MANAGE)
def replay_delivery(path: DeliveryPath) -> Response:
    """Send again what a delivery held, as a new delivery."""
    again = service.replay(db.session(), path.delivery_id)
    location = url_for("api_webhooks.list_deliveries", webhook_id=again.endpoint_id)
    return answer(DeliveryAnswer.model_validate(again), 202, Location=location)


def webhook_to_change(session: Session, path: WebhookPath) -> WebhookEndpoint:
    """The webhook as the caller's `If-Match` knows it."""
    hold(session, WebhookEndpoint)
    row = queries.get_endpoint(session, path.webhook_id)
    check_unchanged(WebhookAnswer.model_validate(row))
    return row


def with_secret(row: WebhookEndpoint, secret: str) -> WebhookWithSecret:
    return WebhookWithSecret(**WebhookAnswer.model_validate(row).model_dump(), secret=secret)
