"""Webhooks as callers set them up and look at them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, PageQuery, Request

EventName = Literal[
    "import.loaded", "forecast.published", "model.drifted", "job.failed", "alert.raised", "alert.resolved",
    "stock.planned", "stock.alert", "orders.accepted",
]  # fmt: skip
DeliveryState = Literal["waiting", "delivered", "failed"]


class WebhookPath(Request):
    """Which webhook."""

    webhook_id: int = Field(ge=1, le=LARGEST_ID)


class DeliveryPath(Request):
    """Which delivery."""

    delivery_id: int = Field(ge=1, le=LARGEST_ID)


class NewWebhook(Request):
    """Whom to tell of what."""

    url: str = Field(max_length=500, description="Where to post; no address of an inner network.")
    events: list[EventName] = Field(min_length=1, max_length=10)
    description: str = Field("", max_length=250)


class WebhookBody(NewWebhook):
    """All of a webhook but its secret."""

    active: bool = True


class RotateBody(Request):
    """How long the old secret signs beside the new one."""

    hours: int = Field(24, ge=0, le=168)


class WebhookAnswer(Answer):
    """A webhook; its secret is not shown again."""

    id: int
    url: str
    events: list[str]
    description: str
    active: bool
    old_secret_until: datetime | None = Field(description="Until then the secret before signs as well.")
    created_by: str
    created_at: datetime
    updated_at: datetime


class WebhookWithSecret(WebhookAnswer):
    """A webhook with its new secret: this is the only time that it is shown."""

    secret: str


class WebhookList(ListAnswer):
    """Webhooks, newest first."""

    items: list[WebhookAnswer]


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    state: DeliveryState | None = None


class DeliveryAnswer(Answer):
    """An event on its way to a webhook."""

    id: int
    endpoint_id: int
    event_id: int
    event: str
    body: str = Field(description="Just what was posted.")
    state: DeliveryState
    tries: int
    status: int | None = Field(description="Of the last answer; null where there was none.")
    error: str | None
    created_at: datetime
    next_try_at: datetime | None
    delivered_at: datetime | None


class DeliveryList(ListAnswer):
    """Deliveries, newest first."""

    items: list[DeliveryAnswer]
