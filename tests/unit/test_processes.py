"""Work shared out over processes, and their end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml.models import processes


def children() -> list[str]:
    """What the processes that this one started, and these started, run."""
    found, parents = [], {os.getpid()}
    for status in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        number, _, rest = status.read_text().partition(" ")
        if int(rest.rpartition(")")[2].split()[1]) in parents:
            parents.add(int(number))
            found.append((status.parent / "cmdline").read_text())
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc")
def test_results_come_in_order_and_no_process_stays_after_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "WORTH_PROCESSES", 0.0)
    assert processes.spread(list, range(100), processes=2, chunk=7) == list(range(100))
    assert any("LokyProcess" in command for command in children())
    processes.release()
    assert not any("LokyProcess" in command for command in children())


def test_release_without_processes_does_nothing() -> None:
    processes.release()
    processes.release()
