"""`python -m worker alive ROLE`: whether the process of this container reported lately; for health checks."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from redis.exceptions import RedisError

from worker import health
from worker.connection import connect
from worker.settings import WorkerSettings


def main(arguments: Sequence[str]) -> int:
    """0 where it did, 1 where it did not or Redis cannot tell, 2 for a role that there is not."""
    if len(arguments) != 1 or arguments[0] not in health.ROLES:
        sys.stderr.write(f"usage: python -m worker alive {'|'.join(health.ROLES)}\n")
        return 2
    with connect(WorkerSettings.from_env().redis_url) as redis:
        try:
            return 0 if health.seen_here(redis, arguments[0]) else 1
        except RedisError as error:
            sys.stderr.write(f"Redis does not answer: {error}\n")
            return 1
