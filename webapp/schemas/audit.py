"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from webapp.schemas.base import Answer, ListAnswer, PageQuery
from webapp.schemas.days import Instant


class AuditQuery(PageQuery):
    """Which changes."""

    actor: str = Field("", max_length=120, description="Who: an e-mail address, token:<name>, or system.")
    action: str = Field("", max_length=40)
    entity: str = Field("", max_length=40, description="What kind of thing was changed: user, model, import, ...")
    entity_id: str = Field("", max_length=80)
    request_id: str = Field("", max_length=64)
    since: Instant | None = Field(None, alias="from", description="The first instant, with its time zone.")
    until: Instant | None = Field(None, alias="to", description="The instant after the last.")


class AuditAnswer(Answer):
    """A change."""

    id: int
    at: datetime
    actor: str
    action: str
    entity: str
    entity_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    address: str


class AuditList(ListAnswer):
    """Changes, newest first."""

    items: list[AuditAnswer]
