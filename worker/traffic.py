"""How the API does: requests, failures and times by the minute, in Redis; written by the web, read by alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis import Redis

BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Milliseconds: upper ends of the classes of times; the last class has none."""

KEEP_SECONDS = 3 * 3600
ERRORS, SLOWEST = "errors", "slower"


@dataclass(frozen=True)
class Traffic:
    """What happened in some minutes: requests by class of time, and how many of all failed by our fault."""

    times: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.times.total()

    def quantile(self, share: float) -> float:
        """The upper end, in milliseconds, of the class in which the request lies that is slower than `share` of all;
        for the slowest class twice its lower end. 0 without requests."""
        left = share * self.requests
        for bound in BOUNDS:
            left -= self.times[str(bound)]
            if left <= 0:
                return float(bound) if self.requests else 0.0
        return 2.0 * BOUNDS[-1]


def class_of(seconds: float) -> str:
    """The class that a request's time falls into."""
    return next((str(bound) for bound in BOUNDS if seconds * 1000 <= bound), SLOWEST)


def _key(minute: datetime) -> str:
    return f"forecastle:traffic:{minute:%Y%m%d%H%M}"


def write(redis: Redis, now: datetime, counts: Mapping[str, int]) -> None:
    """Add to the counts of the present minute, in one round trip."""
    pipeline = redis.pipeline(transaction=False)
    for name, count in counts.items():
        pipeline.hincrby(_key(now), name, count)
    pipeline.expire(_key(now), KEEP_SECONDS)
    pipeline.execute()


def read(redis: Redis, now: datetime, window: timedelta) -> Traffic:
    """What happened in the `window` up to now, in whole minutes."""
    minutes = max(1, int(window.total_seconds() // 60))
    pipeline = redis.pipeline(transaction=False)
    for back in range(minutes):
        pipeline.hgetall(_key(now - timedelta(minutes=back)))
    counts: Counter[str] = Counter()
    for told in cast("list[dict[bytes, Any]]", pipeline.execute()):
        counts.update({name.decode(): int(count) for name, count in told.items()})
    errors = counts.pop(ERRORS, 0)
    return Traffic(counts, errors)
