"""Where work on many series is computed: on this machine or by a Dask cluster. Nothing else knows which."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from threadpoolctl import threadpool_limits

from ml.errors import ConfigurationError, UpstreamError

Task = TypeVar("Task")
Result = TypeVar("Result")

WORTH_STARTING = 10.0
"""Seconds of work below which sharing it out costs more than it saves: each process loads the libraries first."""
WORTH_SENDING = 1.0
"""The same for a cluster, whose workers have loaded them."""
FIRST = 8
"""Tasks that are done here, to see how long one takes."""
PATIENCE = 30
"""Seconds within which a cluster has to answer, and one of its workers to come."""
SCHEMES = ("tcp", "tls")


def check_address(url: str) -> str:
    """`COMPUTE_URL` as it is: '' or a scheduler's address; raises ConfigurationError for anything else."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        good = parts.scheme in SCHEMES and bool(parts.hostname) and bool(parts.port) and not parts.path.strip("/")
    except ValueError:  # the port is no number
        good = False
    if not good:
        raise ConfigurationError(
            f"COMPUTE_URL is {url!r}; expected the address of a Dask scheduler such as tcp://scheduler:8786, "
            "or nothing to compute on this machine."
        )
    return url


@dataclass
class Cluster:
    """A Dask cluster, connected to when work is first worth sharing."""

    url: str
    _client: Any = field(default=None, init=False, repr=False)

    @property
    def client(self) -> Any:
        """The connection; raises ConfigurationError without the library, UpstreamError where nobody answers."""
        if self._client is None:
            try:
                distributed: Any = import_module("distributed")  # optional, and slow to load
            except ImportError:
                raise ConfigurationError(
                    f"COMPUTE_URL is {self.url!r}, which needs Dask, and that is not installed; "
                    "pip install -r requirements-dask.in, or leave COMPUTE_URL empty."
                ) from None
            try:
                self._client = distributed.Client(self.url, timeout=PATIENCE, set_as_default=False)
            except (OSError, TimeoutError) as error:
                raise UpstreamError(
                    f"the Dask scheduler at {self.url} (COMPUTE_URL) does not answer within {PATIENCE} s: {error}. "
                    "Start it, or leave COMPUTE_URL empty to compute on this machine."
                ) from error
        return self._client

    def close(self) -> None:
        """Leave the cluster, which goes on without us."""
        if self._client is not None:
            self._client.close()
            self._client = None


_cluster: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


@contextmanager
def computing_on(url: str) -> Iterator[None]:
    """Within the block, work is shared out over the cluster behind `url`, or over this machine where it is ''.

    Enter it after a fork, never before. Ends what was started or connected to for that.
    """
    cluster = Cluster(check_address(url)) if url else None
    token = _cluster.set(cluster)
    try:
        yield
    finally:
        _cluster.reset(token)
        if cluster is not None:
            cluster.close()
        release()


def spread(
    work: Callable[[Sequence[Task]], list[Result]], tasks: Sequence[Task], processes: int, chunk: int = 32
) -> list[Result]:
    """`work` on chunks of the tasks, results in the order of the tasks.

    At most `processes` of this machine work at once, or all workers of the cluster; each with one thread, and on
    `chunk` tasks at a time. `work` and the tasks have to be picklable, and results must not depend on how tasks are
    shared out. Raises ConfigurationError, UpstreamError where the cluster cannot be used.
    """
    began = time.perf_counter()
    done = work(tasks[:FIRST])
    rest = tasks[FIRST:]
    seconds = (time.perf_counter() - began) / max(len(done), 1) * len(rest)
    cluster = _cluster.get()
    worth = WORTH_STARTING if cluster is None else WORTH_SENDING
    if seconds < worth or (processes == 1 and cluster is None):
        return done + work(rest) if rest else done
    chunks = [rest[start : start + chunk] for start in range(0, len(rest), chunk)]
    made = _by_processes(work, chunks, processes) if cluster is None else _by_cluster(work, chunks, cluster)
    return done + [result for part in made for result in part]


def _by_processes(work: Callable[[Any], list[Any]], chunks: list[Any], processes: int) -> list[list[Any]]:
    from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415 - not before it is needed

    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(n_jobs=min(processes, len(chunks)), pre_dispatch="n_jobs")
        return list(pool(delayed(work)(part) for part in chunks))


def _by_cluster(work: Callable[[Any], list[Any]], chunks: list[Any], cluster: Cluster) -> list[list[Any]]:
    from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415 - not before it is needed

    client = cluster.client
    try:
        with parallel_config("dask", client=client, wait_for_workers_timeout=PATIENCE):
            return list(Parallel(batch_size=1)(delayed(alone)(work, part) for part in chunks))
    except TimeoutError as error:
        raise UpstreamError(
            f"the Dask scheduler at {cluster.url} (COMPUTE_URL) has no worker; start some with "
            f"`dask worker {cluster.url} --nthreads 1`, with this version of Forecastle installed."
        ) from error


def alone(work: Callable[[Sequence[Task]], list[Result]], tasks: Sequence[Task]) -> list[Result]:
    """Work on one chunk with one thread: it is the cluster that works on many at once."""
    with threadpool_limits(1):
        return work(tasks)


def release() -> None:
    """End the processes that `spread` keeps for its next call: idle ones hold the libraries in memory for minutes."""
    kept = getattr(sys.modules.get("joblib.externals.loky.reusable_executor"), "_executor", None)
    if kept is not None:  # asking loky for it would make one
        kept.shutdown(wait=True, kill_workers=True)
