"""`python -m worker work`: the process that runs jobs."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import uuid

from ml import logs
from worker.connection import connect
from worker.horses import ForecastleWorker
from worker.process import process_name, stop_on_signals, wait_for_redis
from worker.queues import KINDS
from worker.settings import WorkerSettings

log = logging.getLogger(__name__)


def preload(settings: WorkerSettings) -> None:
    """Import what jobs import, and do what each of them would begin with, once, before any fork: the libraries take
    seconds. Nothing of them may run here, since threads that they start would not survive the fork.

    OpenMP reads its policy when it is loaded. Its default, to spin at each barrier, makes LightGBM on two
    threads eight times slower on a busy machine, and seventy times slower beside another training.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for kind in KINDS.values():
        importlib.import_module(kind.module)
    importlib.import_module("worker.runner").prepare(settings)
    gc.freeze()  # keeps the collector from touching, and so copying, the shared pages in each work-horse


def main() -> int:
    """Work until SIGTERM; returns 1 where Redis was lost, for the supervisor to start another."""
    settings = WorkerSettings.from_env()
    logs.configure(settings.ml.log, "worker")
    stopping = stop_on_signals()
    preload(settings)
    with connect(settings.redis_url) as redis:
        if not wait_for_redis(redis, stopping):
            return 0
        worker = ForecastleWorker(redis, f"{process_name()}-{uuid.uuid4().hex[:6]}", settings, stopping)
        log.info("worker %s takes jobs from %s", worker.name, ", ".join(settings.queues))
        worker.work(logging_level=None)
        return 0 if stopping.is_set() else 1
