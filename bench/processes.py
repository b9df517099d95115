"""Work measured in a process of its own: nothing that ran before counts in its memory or warms its caches."""

from __future__ import annotations

import multiprocessing
import re
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Step = Callable[[], None]


@dataclass(frozen=True)
class Measured:
    """What a piece of work took."""

    seconds: float
    peak_mb: float
    """The most memory that its process held at any moment, the libraries included."""


def measure(prepare: Callable[..., Step], *arguments: Any) -> Measured:
    """Call `prepare(*arguments)` in a new process and time the step that it returns."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (prepare, arguments))


def _measured(prepare: Callable[..., Step], arguments: tuple[Any, ...]) -> Measured:
    step = prepare(*arguments)
    start = time.perf_counter()
    step()
    return Measured(time.perf_counter() - start, _peak_mb())


def _peak_mb() -> float:
    """The most memory that this process held; on Linux `ru_maxrss` would begin with that of its parent."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes, on macOS
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
    assert found, "no VmHWM in /proc/self/status"
    return int(found[1]) * 1024 / 1e6
