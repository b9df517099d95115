"""What runs by the clock, and what it promised."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from webapp.schemas.base import Answer, Flag, ListAnswer, PageQuery, Request, Whole

CatchUp = Literal["latest", "all", "none"]
RunState = Literal["owed", "started", "published", "failed", "skipped", "missed"]
ScheduledKind = Literal[
    "refresh", "clean", "train", "drift", "collect", "restock", "mail_stock", "pull", "digest", "prune_uploads",
    "prune_records", "prune_history",
]  # fmt: skip


class SchedulePath(Request):
    """Which schedule."""

    schedule_id: str = Field(max_length=80)


class ScheduleBody(Request):
    """All that can be said of a schedule."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "cron": "15 6 * * mon-fri",
                "timezone": "Europe/Berlin",
                "kind": "refresh",
                "catch_up": "latest",
            }
        }
    )

    cron: str = Field(max_length=120, description="Minute, hour, day, month, weekday.")
    timezone: str = Field("UTC", max_length=64, description="A name of the IANA database.")
    kind: ScheduledKind = Field(description="The kind of the job. It cannot be changed later.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="The arguments of the job.")
    jitter_seconds: Whole = Field(0, ge=0, le=3600, description="Up to so many seconds are added to each time.")
    catch_up: CatchUp = Field("latest", description="Which of the times that were missed are made up for.")
    catch_up_minutes: Whole = Field(60, ge=1, le=10_080, description="For how long a time is made up for.")
    late_after_minutes: Whole = Field(60, ge=1, le=10_080, description="When a run that has not ended counts as late.")
    paused: Flag = False


class NewSchedule(ScheduleBody):
    """A schedule to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "morning-refresh",
                "cron": "15 6 * * mon-fri",
                "timezone": "Europe/Berlin",
                "kind": "refresh",
            }
        }
    )

    id: str = Field(max_length=79, description="Small letters, digits and hyphens.")


class PromisedRunAnswer(Answer):
    """A run that a schedule promised, and what became of it."""

    id: int
    schedule_id: str = Field(description="`source:<id>` for the pulls of a source.")
    slot: datetime = Field(description="The time that it stands for.")
    due_at: datetime = Field(description="The same, with the jitter.")
    state: RunState
    job_id: int | None
    started_at: datetime | None
    ended_at: datetime | None
    expected: int | None = Field(description="Series that are to be forecast; null where none are.")
    delivered: int | None = Field(description="Series whose forecasts are there for the whole horizon.")
    note: str


class ScheduleAnswer(Answer):
    """A job that is asked for again and again."""

    id: str
    cron: str = Field(description="Minute, hour, day, month, weekday.")
    timezone: str
    kind: str
    arguments: dict[str, Any]
    jitter_seconds: int
    catch_up: CatchUp
    catch_up_minutes: int
    late_after_minutes: int
    paused: bool
    built_in: bool = Field(description="Whether every installation has it; such a one can be paused, not deleted.")
    next_run_at: datetime | None
    last_run: PromisedRunAnswer | None
    owed: int = Field(description="Runs that are due and have not ended.")


class ScheduleList(Answer):
    """All schedules."""

    items: list[ScheduleAnswer]


class RunQuery(PageQuery):
    """Which promised runs."""

    schedule_id: str = Field("", max_length=80)
    state: RunState | Literal[""] = ""


class PromisedRunList(ListAnswer):
    """Promised runs, newest first."""

    items: list[PromisedRunAnswer]


class BreachAnswer(Answer):
    """A promise that was not kept."""

    schedule_id: str
    slot: datetime
    kind: Literal["missing", "late", "duplicate", "incomplete", "failed"]
    detail: str
    job_id: int | None


class BreachList(Answer):
    """All breaches of the last seven days."""

    items: list[BreachAnswer]
