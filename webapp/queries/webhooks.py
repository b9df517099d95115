"""Reads of webhook endpoints and of what was sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.errors import NotFoundError
from webapp.queries.paging import Page, newest_first
from worker.models import WebhookDelivery, WebhookEndpoint


def list_endpoints(session: Session, limit: int, below: int | None = None) -> Page[WebhookEndpoint]:
    """Endpoints, newest first."""
    return newest_first(session, sa.select(WebhookEndpoint), WebhookEndpoint.id, limit, below)


def get_endpoint(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """An endpoint; raises NotFoundError."""
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None:
        raise NotFoundError(f"there is no webhook {endpoint_id}.")
    return found


def list_deliveries(
    session: Session, endpoint_id: int, state: str | None, limit: int, below: int | None = None
) -> Page[WebhookDelivery]:
    """What was sent to an endpoint, newest first; raises NotFoundError for an unknown one."""
    get_endpoint(session, endpoint_id)
    query = sa.select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state:
        query = query.where(WebhookDelivery.state == state)
    return newest_first(session, query, WebhookDelivery.id, limit, below)


def get_delivery(session: Session, delivery_id: int) -> WebhookDelivery:
    """A delivery; raises NotFoundError."""
    found = session.get(WebhookDelivery, delivery_id)
    if found is None:
        raise NotFoundError(f"there is no delivery {delivery_id}.")
    return found
