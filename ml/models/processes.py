"""Shares the series of a panel out over processes, where there is enough to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

WORTH_PROCESSES = 10.0
"""Seconds of work below which processes cost more than they save: each loads the libraries first."""
FIRST = 8
"""Tasks that are done here, to see how long one takes."""


def spread(
    work: Callable[[Sequence[Task]], list[Result]], tasks: Sequence[Task], processes: int, chunk: int = 32
) -> list[Result]:
    """`work` on chunks of the tasks, results in the order of the tasks.

    At most `processes` work at once, each with one thread; what is under way is no more than `chunk` tasks for each.
    `work` and the tasks have to be picklable, and results must not depend on how tasks are shared out.
    """
    began = time.perf_counter()
    done = work(tasks[:FIRST])
    rest = tasks[FIRST:]
    seconds = (time.perf_counter() - began) / max(len(done), 1) * len(rest)
    if processes == 1 or seconds < WORTH_PROCESSES:
        return done + work(rest) if rest else done
    from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415 - not before it is needed

    chunks = [rest[start : start + chunk] for start in range(0, len(rest), chunk)]
    with parallel_config("loky", inner_max_num_threads=1):
        made = Parallel(n_jobs=min(processes, len(chunks)), pre_dispatch="n_jobs")(
            delayed(work)(part) for part in chunks
        )
    return done + [result for part in made for result in part]


def release() -> None:
    """End the processes that `spread` keeps for its next call: idle ones hold the libraries in memory for minutes."""
    if loky := sys.modules.get("joblib.externals.loky"):
        loky.get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
