"""How gunicorn runs the web app (`--config webapp/serving.py`).

Gunicorn loads this file by its path before it loads the app, in the process that starts the others; it also sets up
logs, and the folder in which they share what they count.
"""

import logging
import os
import shutil
import tempfile
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

# The metrics' library looks for it when it is imported, so that comes later.
SHARED = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or tempfile.mkdtemp(prefix="forecastle-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = SHARED

from ml import logs  # noqa: E402
from ml.errors import ConfigurationError  # noqa: E402
from ml.settings import Settings  # noqa: E402

HEAD_START, FARTHEST = 0.0002, 50
"""Seconds for each connection that a process has, and the most connections that count."""


class FairWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Takes a connection the later, the more it has. All processes wake up for a new one, and connections stay open:
    the first awake would have them all, and be the only one that works."""

    def accept(self, listener: Any) -> None:
        """Let a process go ahead that has fewer connections; it does nothing where that one took this one."""
        time.sleep(HEAD_START * min(self.nr_conns, FARTHEST))
        super().accept(listener)


worker_class = FairWorker
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "3"))  # more would wait for the interpreter's lock, not for the database
limit_request_line = 8190
control_socket_disable = True


def on_starting(_server: Any) -> None:
    """Lines of gunicorn look like all others."""
    try:
        settings = Settings.from_env().log
    except ConfigurationError as error:
        raise SystemExit(f"forecastle: {error}") from None
    logs.configure(settings, "web")
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def post_fork(_server: Any, _worker: Any) -> None:
    """Traces and errors are sent from threads, which a fork would lose."""
    from worker import telemetry  # noqa: PLC0415

    telemetry.start(Settings.from_env(), "web")


def child_exit(_server: Any, worker: Any) -> None:
    """What a process counted stays when it ends; what it measured of itself goes."""
    from prometheus_client import multiprocess  # noqa: PLC0415

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """The counts go with the server that they are of."""
    shutil.rmtree(SHARED, ignore_errors=True)
