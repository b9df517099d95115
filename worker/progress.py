"""How far a running job is: one Redis key a job, written by its work-horse, read by the web."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis import Redis

KEEP_SECONDS = 3600


def _key(job_id: int) -> str:
    return f"forecastle:job:{job_id}"


def write(redis: Redis, job_id: int, state: dict[str, Any]) -> None:
    """Replace what is known of a job."""
    redis.set(_key(job_id), json.dumps(state, ensure_ascii=False), ex=KEEP_SECONDS)


def read(redis: Redis, job_id: int) -> dict[str, Any] | None:
    """What the job last told, or None.

    Keys: `attempt`, `state`, `phase`, `done`, `total`, `log` (list of lines), `seq` (grows with each
    write) and `updated_at` (ISO, UTC). It is about one attempt: where `attempt` is not the row's, or
    the row is not running, the row alone is right.
    """
    content = cast("bytes | None", redis.get(_key(job_id)))
    return None if content is None else json.loads(content)
