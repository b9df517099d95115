"""Signs of life of running jobs, in Redis: the worker beats for its work-horse, the reaper listens.

The worker's process beats, not the job's: a job that holds the interpreter lock for minutes in native
code is alive all the same, and a work-horse that died is known to its worker at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from redis import Redis

DEAD, DEAD_FOR_GOOD = b"dead:", b"dead for good:"
STOPPED = "its worker was stopped before the job ended"
"""A cause of death that is nobody's fault: the attempt does not count."""

KEEP_SECONDS = 24 * 3600


def _key(attempt_key: str) -> str:
    return f"forecastle:heartbeat:{attempt_key}"


def beat(redis: Redis, attempt_key: str) -> None:
    """Show that the attempt is alive. What counts is that the value changes, so clocks need not agree."""
    redis.set(_key(attempt_key), str(time.time_ns()), ex=KEEP_SECONDS)


def bury(redis: Redis, attempt_key: str, reason: str, *, for_good: bool = False) -> None:
    """Tell that the attempt is dead, and why; `for_good` where another one would only die of the same."""
    redis.set(_key(attempt_key), (DEAD_FOR_GOOD if for_good else DEAD) + reason.encode(), ex=KEEP_SECONDS)


def cancel(redis: Redis, attempt_key: str) -> None:
    """Let the worker end the attempt's process at its next look."""
    redis.set(f"forecastle:cancelled:{attempt_key}", b"1", ex=KEEP_SECONDS)


def is_cancelled(redis: Redis, attempt_key: str) -> bool:
    """Whether the attempt's process is to be ended."""
    return redis.get(f"forecastle:cancelled:{attempt_key}") is not None


def listen(redis: Redis, attempt_keys: Sequence[str]) -> list[bytes | None]:
    """The last heartbeat of each attempt."""
    if not attempt_keys:
        return []
    return cast("list[bytes | None]", redis.mget([_key(key) for key in attempt_keys]))


def cause_of_death(heartbeat: bytes | None) -> tuple[str, bool] | None:
    """Why the attempt is dead, where its worker told, and whether another one would only die of the same."""
    for prefix in (DEAD, DEAD_FOR_GOOD):
        if heartbeat is not None and heartbeat.startswith(prefix):
            return heartbeat.removeprefix(prefix).decode(), prefix == DEAD_FOR_GOOD
    return None
