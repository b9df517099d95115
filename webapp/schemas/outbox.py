"""The stream of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, PageQuery, Request

StreamState = Literal["waiting", "handled", "dead"]


class StreamPath(Request):
    """Which event."""

    event_id: int = Field(ge=1, le=LARGEST_ID)


class StreamQuery(PageQuery):
    """Which events."""

    name: str = Field("", max_length=80, description="Such as SalesImported.")
    state: StreamState | Literal[""] = ""


class StreamEvent(Answer):
    """Something that happened, and whether what follows from it was seen to."""

    id: int
    name: str = Field(description="In the past tense.")
    version: int
    payload: dict[str, Any]
    state: StreamState = Field(description="`dead` where its handlers failed as often as they are tried.")
    job_id: int | None = Field(description="The job in which it happened.")
    led_to: list[int] = Field(description="The jobs that it called for.")
    tries: int
    error: str | None
    created_at: datetime
    handled_at: datetime | None


class StreamList(ListAnswer):
    """Events, newest first."""

    items: list[StreamEvent]


class ReplayedAnswer(Answer):
    """What became of a replay of all dead letters."""

    replayed: int
