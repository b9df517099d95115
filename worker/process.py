"""What the long-running processes share: logs, a polite end, and patience with servers that are away."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from types import FrameType

from redis import Redis

from worker.connection import AWAY

log = logging.getLogger(__name__)


def process_name() -> str:
    """A name that no other process has at the same time."""
    return f"{socket.gethostname()}-{os.getpid()}"


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def wait_for_redis(redis: Redis, stopping: threading.Event, pause: float = 1.0) -> bool:
    """Wait until Redis answers; False where the process is to stop instead."""
    told = False
    while not stopping.is_set():
        try:
            redis.ping()
        except AWAY as error:
            if not told:
                log.warning("waiting for Redis: %s", error)
            told = True
            stopping.wait(pause)
        else:
            return True
    return False
