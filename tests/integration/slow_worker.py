"""A worker process that knows one more kind of job, slow enough to be interrupted; run by the tests of lost jobs.

python slow_worker.py work|relay
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from worker.__main__ import main
from worker.context import JobContext
from worker.queues import KINDS, JobKind, request_job

KIND = JobKind(
    "slow", "interactive", "slow_worker", timeout=60, required=frozenset({"folder", "seconds"}),
    optional=frozenset({"megabytes"}), memory_mb=200,
)  # fmt: skip
STUBBORN = JobKind("stubborn", "interactive", "stubborn_job", timeout=2, grace=1)


def run(ctx: JobContext, folder: str, seconds: list[float], megabytes: int = 0) -> dict[str, Any]:
    """Take as long as `seconds` says for this attempt, then ask for one more job: work that may be done once only."""
    taken = bytearray(megabytes << 20)
    Path(folder, f"attempt-{ctx.attempt}").write_text(str(os.getpid()))
    end = time.monotonic() + seconds[min(ctx.attempt, len(seconds)) - 1]
    while time.monotonic() < end:
        ctx.progress("working")
        time.sleep(0.02)
    with ctx.session() as session:
        request_job(session, "refresh", {}, requested_by=f"attempt {ctx.attempt}")
        return ctx.succeed(session, {"attempt": ctx.attempt, **({"taken": len(taken)} if taken else {})})


if __name__ == "__main__":
    KINDS.clear()  # so that no library of the real jobs is loaded
    KINDS[KIND.name] = KIND
    KINDS[STUBBORN.name] = STUBBORN
    KINDS["refresh"] = JobKind("refresh", "train", "slow_worker", timeout=60)
    sys.exit(main(sys.argv[1:]))
