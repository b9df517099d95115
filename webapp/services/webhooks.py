"""Webhook endpoints as people set them up; their secrets are shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.errors import ConflictError, SourceError
from ml.secrets import encrypt
from ml.settings import Settings
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.webhooks import get_delivery, get_endpoint
from worker.models import WebhookDelivery, WebhookEndpoint
from worker.webhooks.outgoing import deliver
from worker.webhooks.signing import new_secret

MOST_ENDPOINTS = 50


@dataclass(frozen=True)
class EndpointDraft:
    """What a person says of an endpoint."""

    url: str
    events: Sequence[str]
    description: str = ""
    active: bool = True


def create_endpoint(session: Session, engine: Settings, draft: EndpointDraft, user: str) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint; commits. Returns its secret as well, which nobody can read again.

    Raises InvalidRequestError for an address that may not be called, ConflictError where there are too many.
    """
    check_target(engine, draft.url)
    if (session.scalar(sa.select(sa.func.count()).select_from(WebhookEndpoint)) or 0) >= MOST_ENDPOINTS:
        raise ConflictError(f"there are {MOST_ENDPOINTS} endpoints already; delete one that is not needed.")
    secret = new_secret()
    row = WebhookEndpoint(secret=sealed(engine, secret), created_by=user)
    write(row, draft)
    session.add(row)
    session.flush()
    audit.record(session, "create", "webhook", row.id, after=public(row))
    session.commit()
    return row, secret


def replace_endpoint(session: Session, engine: Settings, row: WebhookEndpoint, draft: EndpointDraft) -> None:
    """Write all of an endpoint but its secret; commits. Raises as `create_endpoint` does."""
    check_target(engine, draft.url)
    before = public(row)
    write(row, draft)
    row.updated_at = utc_now()
    audit.record(session, "update", "webhook", row.id, before=before, after=public(row))
    session.commit()


def write(row: WebhookEndpoint, draft: EndpointDraft) -> None:
    row.url, row.events, row.description, row.active = draft.url, list(draft.events), draft.description, draft.active


def public(row: WebhookEndpoint) -> dict[str, object]:
    """What the audit log keeps of an endpoint: all but its secrets."""
    return {name: getattr(row, name) for name in ("url", "events", "description", "active")}


def delete_endpoint(session: Session, row: WebhookEndpoint) -> None:
    """Remove an endpoint with its deliveries; commits."""
    session.execute(sa.delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == row.id))
    audit.record(session, "delete", "webhook", row.id, before=public(row))
    session.delete(row)
    session.commit()


def rotate_secret(session: Session, engine: Settings, endpoint_id: int, hours: int) -> tuple[WebhookEndpoint, str]:
    """Give an endpoint a new secret; commits. The old one signs beside it for `hours`."""
    row, secret = get_endpoint(session, endpoint_id), new_secret()
    row.old_secret, row.old_secret_until = row.secret, utc_now() + timedelta(hours=hours)
    row.secret, row.updated_at = sealed(engine, secret), utc_now()
    audit.record(session, "rotate_secret", "webhook", endpoint_id)
    session.commit()
    return row, secret


def replay(session: Session, delivery_id: int) -> WebhookDelivery:
    """Send again what a delivery held, as a new delivery; commits. Raises NotFoundError, and ConflictError while it
    is still being tried."""
    old = get_delivery(session, delivery_id)
    if old.state == "waiting":
        raise ConflictError(f"delivery {delivery_id} is still being tried; wait for its end.")
    number = next_replay(session, old)
    same = {"endpoint_id": old.endpoint_id, "event_id": old.event_id, "event": old.event, "body": old.body}
    again = WebhookDelivery(**same, replay=number)
    deliver(session, again)
    audit.record(session, "replay", "webhook_delivery", delivery_id)
    session.commit()
    return again


def next_replay(session: Session, old: WebhookDelivery) -> int:
    """The number of the next repetition of an event at its endpoint."""
    same = (WebhookDelivery.endpoint_id == old.endpoint_id, WebhookDelivery.event_id == old.event_id)
    return (session.scalar(sa.select(sa.func.max(WebhookDelivery.replay)).where(*same)) or 0) + 1


def check_target(engine: Settings, url: str) -> None:
    """Refuse an address at once that would be refused at each delivery; names that do not resolve yet may do later."""
    from ml.etl.sources.addresses import Guard, check_url  # noqa: PLC0415  (loads an HTTP client; few requests need it)

    try:
        parts = host_and_port(check_url(url))
        Guard(engine.allowed_hosts).address(*parts)
    except SourceError as error:
        raise InvalidRequestError([FieldError("url", str(error))]) from None
    except OSError:
        return


def host_and_port(url: str) -> tuple[str, int]:
    """Host and port of an address that was checked."""
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)


def sealed(engine: Settings, secret: str) -> str:
    """The secret as it is kept."""
    return str(encrypt(engine.secret_keys, {"secret": secret}))
