"""Jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, Measured, PageQuery, Request
from worker.queues import KINDS

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


def known_kind(kind: str) -> str:
    """A kind of job that workers know."""
    if kind not in KINDS:
        raise ValueError(f"expected one of {', '.join(sorted(KINDS))}")
    return kind


JobKind = Annotated[str, AfterValidator(known_kind), WithJsonSchema({"type": "string", "enum": sorted(KINDS)})]


class JobPath(Request):
    """Which job."""

    job_id: int = Field(ge=1, le=LARGEST_ID)


class JobQuery(PageQuery):
    """Which jobs."""

    state: JobState | None = None
    kind: JobKind | None = None


class JobAnswer(Answer):
    """A job, from the wish to its end."""

    id: int
    kind: str
    queue: str
    arguments: dict[str, Any]
    state: JobState
    attempt: int
    max_attempts: int
    phase: str
    done: int
    total: int = Field(description="How much there is to do in this phase; 0 while unknown.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings: dict[str, Figure] = Field(description="Seconds by phase.")
    log_tail: str
    attempts: list[dict[str, Any]] = Field(description="How earlier attempts ended.")
    result: Measured | None
    error: str | None
    requested_by: str


class JobList(ListAnswer):
    """Jobs, newest first."""

    items: list[JobAnswer]
