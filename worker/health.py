"""Which processes were seen lately, as `/ready` asks."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

ROLES = ("worker", "relay", "scheduler", "watch")
SEEN_SECONDS = 15


def report(redis: Redis | Pipeline, role: str, name: str) -> None:
    """Say that a process of this role is alive; it counts as seen for SEEN_SECONDS."""
    redis.set(f"forecastle:seen:{role}", name, ex=SEEN_SECONDS)
    redis.set(f"forecastle:seen:{role}:{socket.gethostname()}", name, ex=SEEN_SECONDS)


def seen(redis: Redis, role: str) -> bool:
    """Whether any process of this role reported lately."""
    return bool(redis.exists(f"forecastle:seen:{role}"))


def seen_here(redis: Redis, role: str) -> bool:
    """Whether any process of this role on this machine, or in this container, reported lately."""
    return bool(redis.exists(f"forecastle:seen:{role}:{socket.gethostname()}"))
