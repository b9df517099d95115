"""Connections to Redis that fail fast: no job and no request waits long for a server that is away."""

from __future__ import annotations

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

AWAY = (RedisConnectionError, RedisTimeoutError)
"""What redis-py raises while the server cannot be reached."""


def connect(url: str, timeout: float = 2.0) -> Redis:
    """A client for `url`; nothing is connected yet.

    One quick retry mends a connection that the server closed while it was idle. (The library's own
    default, ten tries with growing pauses, holds a caller up for seconds.)
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        retry=Retry(ConstantBackoff(0.05), 1),
        health_check_interval=30,
    )
