"""Work shared out over processes or a cluster: the same results, clear errors, and nothing left behind."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info

from ml import compute, models
from ml.compute import check_address, computing_on, spread
from ml.errors import ConfigurationError, UpstreamError
from ml.panel import Panel
from ml.settings import Settings

needs_dask = pytest.mark.filterwarnings("default")
"""Of the library we check what it gives, not what it deprecates."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers of one thread each."""
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install -r requirements-dask.in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
            yield local.scheduler_address


@pytest.fixture
def everything_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "WORTH_STARTING", 0.0)
    monkeypatch.setattr(compute, "WORTH_SENDING", 0.0)


def children() -> list[str]:
    """What the processes that this one started, and these started, run."""
    found, parents = [], {os.getpid()}
    for status in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        number, _, rest = status.read_text().partition(" ")
        if int(rest.rpartition(")")[2].split()[1]) in parents:
            parents.add(int(number))
            found.append((status.parent / "cmdline").read_text())
    return found


def places(tasks: Sequence[int]) -> list[tuple[int, int, int]]:
    """Each task with the process that did it, and the most threads that its libraries may start."""
    np.ones((2, 2)) @ np.ones((2, 2))  # loads the library that would start them
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    return [(task, os.getpid(), threads) for task in tasks]


def slow_places(tasks: Sequence[float]) -> list[int]:
    """The process that did each task, which takes so many seconds."""
    time.sleep(sum(tasks))
    return [os.getpid() for _ in tasks]


def daily_panel(series: int = 24, days: int = 120) -> Panel:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{number:02d}" for number in range(series)], days),
            "ds": np.tile(pd.date_range("2024-01-01", periods=days), series),
            "y": random.gamma(4.0, 5.0, series * days)
            * np.tile(1 + 0.3 * np.sin(np.arange(days) * 2 * np.pi / 7), series),
        }
    )
    return Panel.from_frame(frame, "D", 7)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc")
def test_results_come_in_order_and_no_process_stays(everything_is_worth_it: None) -> None:
    with computing_on(""):
        assert spread(list, range(100), processes=2, chunk=7) == list(range(100))
        assert any("LokyProcess" in command for command in children())
    assert not any("LokyProcess" in command for command in children())


def test_release_without_processes_does_nothing() -> None:
    compute.release()
    compute.release()


@needs_dask
def test_a_cluster_shares_the_work_with_one_thread_each(cluster: str, everything_is_worth_it: None) -> None:
    with computing_on(cluster):
        found = spread(places, range(200), processes=1, chunk=5)
    assert [task for task, _, _ in found] == list(range(200))
    shared = found[compute.FIRST :]
    assert len({process for _, process, _ in shared}) == 2
    assert os.getpid() not in {process for _, process, _ in shared}
    assert {threads for _, _, threads in shared} == {1}


@needs_dask
@pytest.mark.parametrize("name", ["auto_ets", "theta"])
def test_forecasts_of_a_cluster_equal_those_of_one_process_bit_for_bit(
    cluster: str, everything_is_worth_it: None, name: str
) -> None:
    here = models.create(name, horizon=7).fit(daily_panel()).predict(7)
    with computing_on(cluster):
        there = models.create(name, horizon=7).fit(daily_panel()).predict(7)
    pd.testing.assert_frame_equal(there, here, check_exact=True)


@needs_dask
def test_little_work_stays_here(cluster: str) -> None:
    with computing_on(cluster):
        assert {process for _, process, _ in spread(places, range(20), processes=1)} == {os.getpid()}


@needs_dask
def test_a_cluster_gets_work_for_which_no_process_would_be_started(cluster: str) -> None:
    tasks = [0.2] * (compute.FIRST + 10)
    with computing_on(""):
        assert set(spread(slow_places, tasks, processes=2)) == {os.getpid()}
    with computing_on(cluster):
        assert os.getpid() not in spread(slow_places, tasks, processes=1, chunk=1)[compute.FIRST :]


@needs_dask
def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, everything_is_worth_it: None) -> None:
    pytest.importorskip("distributed", reason="needs Dask: pip install -r requirements-dask.in")
    monkeypatch.setattr(compute, "PATIENCE", 0.5)
    said = r"tcp://127\.0\.0\.1:1 .*does not answer"
    with computing_on("tcp://127.0.0.1:1"), pytest.raises(UpstreamError, match=said):
        spread(list, range(100), processes=1)


@needs_dask
def test_a_cluster_without_workers_is_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch, everything_is_worth_it: None
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install -r requirements-dask.in")
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as found:
        monkeypatch.setattr(compute, "PATIENCE", 0.5)
        said = rf"{found.scheduler_address} .*has no worker; start some"
        with computing_on(found.scheduler_address), pytest.raises(UpstreamError, match=said):
            spread(list, range(100), processes=1)


def test_without_dask_only_who_asks_for_it_is_told(
    monkeypatch: pytest.MonkeyPatch, everything_is_worth_it: None
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with computing_on(""):
        assert spread(list, range(20), processes=1) == list(range(20))
    with computing_on("tcp://scheduler:8786"), pytest.raises(ConfigurationError, match=r"requirements-dask\.in"):
        spread(list, range(20), processes=1)


@pytest.mark.parametrize(
    "url", ["dask", "http://host:8786", "tcp://host", "tcp://:8786", "tcp://host:a", "tcp://h:1/x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="COMPUTE_URL is"):
        check_address(url)


def test_the_setting_is_read(tmp_path: Path) -> None:
    def settings(**env: Any) -> Settings:
        return Settings.from_env({"FORECASTLE_HOME": str(tmp_path), **env})

    assert settings().compute_url == ""
    assert settings(COMPUTE_URL=" tcp://scheduler:8786 ").compute_url == "tcp://scheduler:8786"
    with pytest.raises(ConfigurationError, match="COMPUTE_URL"):
        settings(COMPUTE_URL="spark://x:1")
