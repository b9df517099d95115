"""How web processes share connections."""

from __future__ import annotations

import runpy
import time
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker

SERVING = Path(__file__).parents[2] / "webapp" / "serving.py"


def test_who_has_fewer_connections_takes_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    config = runpy.run_path(str(SERVING))
    waited: list[float] = []
    taken: list[str] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda _, listener: taken.append(listener))
    worker = object.__new__(config["worker_class"])
    for worker.nr_conns in (0, 3, 10, 50, 1000):
        worker.accept("listener")
    assert waited[0] == 0
    assert waited == sorted(waited)
    assert len(set(waited)) == 4  # how many there are beyond the most that count makes no difference
    assert waited[-1] <= 0.01
    assert taken == ["listener"] * 5
