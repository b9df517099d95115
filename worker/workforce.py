"""Which worker processes there are and what each is doing, from the keys in which RQ's workers tell it.

Read without RQ, which the web process does not load.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis import Redis

NAMES = "rq:workers"


@dataclass(frozen=True)
class WorkerProcess:
    """A worker; `job_id` is what it runs now, `done` and `failed` count what it ran since it started."""

    name: str
    state: str
    queues: tuple[str, ...]
    job_id: int | None
    started_at: datetime | None
    seen_at: datetime | None
    done: int
    failed: int


def workers(redis: Redis) -> list[WorkerProcess]:
    """All that are alive, by name; two round trips however many there are."""
    keys = sorted(cast("set[bytes]", redis.smembers(NAMES)))
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.hgetall(key)
    return [process_of(key.decode(), told) for key, told in zip(keys, pipeline.execute(), strict=True) if told]


def process_of(key: str, told: dict[bytes, bytes]) -> WorkerProcess:
    """A worker by what it told."""
    text = {name.decode(): value.decode(errors="replace") for name, value in told.items()}
    number = text.get("current_job", "").partition("-")[0]
    return WorkerProcess(
        key.rpartition("rq:worker:")[2],
        text.get("state", ""),
        tuple(filter(None, text.get("queues", "").split(","))),
        int(number) if number.isdecimal() else None,
        instant(text.get("birth")),
        instant(text.get("last_heartbeat")),
        count(text.get("successful_job_count")),
        count(text.get("failed_job_count")),
    )


def instant(text: str | None) -> datetime | None:
    """An instant as RQ writes it: 2026-01-31T12:00:00.000000Z."""
    return datetime.fromisoformat(text) if text else None


def count(text: Any) -> int:
    return int(text) if str(text or "").isdecimal() else 0
