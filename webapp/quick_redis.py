"""Redis for what requests can do without: caches and limits. A server that is away is waited for once, not by each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds until the next try after a failed one."""

Found = TypeVar("Found")


class QuickRedis:
    """Runs commands, and gives None without asking while the server is away."""

    def __init__(self, client: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._again = 0.0

    def run(self, command: Callable[[Redis], Found]) -> Found | None:
        """What `command` answers; None where Redis does not answer."""
        if self._clock() < self._again:
            return None
        try:
            return command(self._client)
        except RedisError as error:
            log.warning("Redis is away, going on without caches and limits for %.0f s: %s", PAUSE, error)
            self._again = self._clock() + PAUSE
            return None
