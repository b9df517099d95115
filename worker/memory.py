"""A limit to what one job may allocate: it fails with a message before the machine runs out of memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.errors import OutOfMemoryError

MEGABYTE = 1 << 20
STATUS = Path("/proc/self/status")


@contextmanager
def limited(megabytes: int) -> Iterator[None]:
    """Raise OutOfMemoryError where this process allocates more than `megabytes` beside what it has now.

    What is counted is private writable memory (RLIMIT_DATA): not files that are mapped, nor memory that is shared with
    the process from which this one was forked. Linux only; elsewhere there is no limit.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource  # noqa: PLC0415  (not there on all systems)

    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = private_bytes() + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most < 0 else min(limit, most), most))
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(megabytes) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def private_bytes() -> int:
    """Private writable memory of this process, as the kernel counts it for the limit."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    return int(line.split()[1]) * 1024
