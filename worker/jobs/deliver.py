"""Send one webhook delivery."""

from __future__ import annotations

import os
import time
from typing import Any

import requests
from sqlalchemy.orm import Session
from urllib3.exceptions import HTTPError

from ml.db.base import utc_now
from ml.errors import ForecastleError
from ml.etl.sources.addresses import Guard, open_session
from ml.secrets import decrypt
from worker.context import JobContext
from worker.models import WebhookDelivery, WebhookEndpoint
from worker.webhooks.outgoing import note_delivered, note_failed
from worker.webhooks.signing import HEADER, signature

CONNECT_SECONDS, READ_SECONDS = 5, 10
QUOTED = 500
"""Bytes of an answer that the log keeps."""


def run(ctx: JobContext, delivery_id: int) -> dict[str, Any]:
    """Try once; the outcome is the delivery's, so the job itself succeeds. While the receiver is waited for, no
    transaction is open."""
    with ctx.session() as session:
        delivery = session.get(WebhookDelivery, delivery_id)
        endpoint = session.get(WebhookEndpoint, delivery.endpoint_id) if delivery else None
        if delivery is None or endpoint is None or delivery.state != "waiting":
            return ctx.succeed(session, {"state": "gone" if delivery is None else delivery.state})
        keys = secrets_of(endpoint, ctx.settings.ml.secret_keys)
        body, url, event = delivery.body.encode(), endpoint.url, delivery.event
        session.rollback()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Forecastle",
        "Forecastle-Event": event,
        "Forecastle-Delivery": str(delivery_id),
        HEADER: signature(keys, int(time.time()), body),
    }
    status, error = send(url, headers, body, Guard(ctx.settings.ml.allowed_hosts))
    with ctx.session() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id)
        if error is None and status is not None:
            note_delivered(delivery, status)
        else:
            note_failed(session, delivery, status, error or "")
        return ctx.succeed(session, {"state": delivery.state, "status": status, "error": error})


def on_failure(session: Session, arguments: dict[str, Any], message: str) -> None:
    """A try that could not be made counts as one that failed."""
    delivery = session.get(WebhookDelivery, arguments["delivery_id"])
    if delivery is not None and delivery.state == "waiting":
        note_failed(session, delivery, None, message)


def secrets_of(endpoint: WebhookEndpoint, keys: Any) -> list[str]:
    """The secret, and the one before while it is still good."""
    found = [decrypt(keys, endpoint.secret)["secret"]]
    if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > utc_now():
        found.append(decrypt(keys, endpoint.old_secret)["secret"])
    return found


def send(url: str, headers: dict[str, str], body: bytes, guard: Guard) -> tuple[int | None, str | None]:
    """Post a body; the status of the answer, and what was wrong (None: nothing). Addresses of inner networks are
    refused where the connection is made, and redirects are not followed."""
    with open_session(guard, []) as http:
        http.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        timeouts = (CONNECT_SECONDS, READ_SECONDS)
        try:
            answer = http.post(url, body, headers=headers, timeout=timeouts, allow_redirects=False, stream=True)
            with answer:
                said = answer.raw.read(QUOTED).decode("utf-8", "replace")
        except (requests.RequestException, HTTPError, OSError, ForecastleError) as error:
            return None, f"{type(error).__name__}: {error}"[:QUOTED]
    if 200 <= answer.status_code < 300:
        return answer.status_code, None
    return answer.status_code, f"answered {answer.status_code}: {said}"
