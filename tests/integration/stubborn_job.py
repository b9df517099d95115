"""A job that goes on when it is told that its time is over."""

from __future__ import annotations

import time
from typing import Any

from rq.timeouts import JobTimeoutException

from worker.context import JobContext


def run(ctx: JobContext) -> dict[str, Any]:
    """Never ends; its progress is how often it was told to."""
    told = 0
    while True:
        try:
            ctx.progress("working", told)
            time.sleep(60)
        except JobTimeoutException:
            told += 1
