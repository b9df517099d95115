"""Many series: on a Dask cluster, on hosts that are lost, 200,000 from and to the database, and pages over a million.

    python -m bench.distributed [CASE …] [--server postgresql://postgres@127.0.0.1:5432/postgres]

Cases: `dask` (needs requirements-dask.in and the sales of store_item_demand), `hosts` (needs root, for network
namespaces; else the hosts are plain processes, and it says so), `volume`, `pages`. All but the first make a database of
their own on a PostgreSQL server, and drop it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bench import distributed_data as data
from bench.cases import Case, run
from bench.distributed_hosts import three_hosts
from bench.distributed_pages import million
from bench.processes import Step, measure
from ml import models
from ml.artifacts import ArtifactStore
from ml.compute import computing_on
from ml.db.session import create_engine, create_sessions
from ml.panel import Panel
from ml.pipelines.forecast import forecast

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
SALES = Path("../shared/data/store_item_demand.csv.gz")
MODEL, HORIZON = "auto_ets", 28
FEW, MANY = 20_000, 200_000
MOST_SECONDS, MOST_MB = 20 * 60, 8_000


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.distributed", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--server", default=SERVER, help=f"a PostgreSQL server where databases may be made ({SERVER})")
    parser.add_argument("--sales", type=Path, default=SALES, help=f"store_item_demand.csv.gz ({SALES})")
    parser.add_argument("--series", type=int, default=MANY, help=f"instead of {MANY} in `volume`")
    parser.add_argument("--few", type=int, default=FEW, help=f"instead of {FEW} in `volume`")
    parser.add_argument("--items", type=int, default=None, help="only so many series of store_item_demand")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run(case for name in chosen.cases or CASES for case in CASES[name](chosen))


def dask(chosen: argparse.Namespace) -> Iterator[Case]:
    """Two workers beside one, and the same forecasts as without any."""
    panel = read_sales(chosen.sales, chosen.items)
    with computing_on(""):
        alone = forecasts(panel)
    found = {}
    for workers in (1, 2):
        with cluster(workers) as address, computing_on(address):
            forecasts(panel)  # workers load, and compile, what they need
            begin = time.perf_counter()
            made = forecasts(panel)
            found[workers] = time.perf_counter() - begin
        equal = made.equals(alone)
        yield Case("distributed", f"dask-equal-{workers}", float(equal), "share of equal forecasts", (1.0, None))
    yield Case("distributed", "dask-2-workers", found[2], "s", (None, 0.65), found[1], "1 worker")


def read_sales(path: Path, items: int | None) -> Panel:
    """500 series of 5 years of days, or the first of them."""
    raw = pd.read_csv(path, parse_dates=["date"])
    names = raw["store"].astype(str) + "_" + raw["item"].astype(str)
    frame = pd.DataFrame({"unique_id": names, "ds": raw["date"], "y": raw["sales"].astype(float)})
    kept = sorted(frame["unique_id"].unique())[:items]
    return Panel.from_frame(frame[frame["unique_id"].isin(kept)], "D", 7)


def forecasts(panel: Panel) -> pd.DataFrame:
    """Tried on three origins, fitted and forecast, series by series."""
    return models.create(MODEL, horizon=HORIZON).fit(panel).predict(HORIZON)


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler on this machine with so many workers of one thread."""
    from distributed import LocalCluster  # noqa: PLC0415 - optional

    local: Any = LocalCluster
    with local(n_workers=workers, threads_per_worker=1, dashboard_address=None) as found:
        yield found.scheduler_address


def hosts(chosen: argparse.Namespace) -> Iterator[Case]:
    """A run that loses one of three hosts on the way."""
    with data.own_database(chosen.server) as url, tempfile.TemporaryDirectory(prefix="forecastle-") as home:
        data.fill(url, home, areas=9, learned=1)
        yield from three_hosts(url, Path(home))


def volume(chosen: argparse.Namespace) -> Iterator[Case]:
    """Time and memory of a run over many series, and its time per series beside that of few."""
    each = {}
    for series in (chosen.few, chosen.series):
        with data.own_database(chosen.server) as url, tempfile.TemporaryDirectory(prefix="forecastle-") as home:
            data.fill(url, home, areas=series // data.PRODUCTS)
            found = measure(prepare_run, url, home, series)
        each[series] = 1e3 * found.seconds / series
        yield Case("distributed", f"run-{series}", found.seconds, "s", (None, MOST_SECONDS))
        yield Case("distributed", f"memory-{series}", found.peak_mb, "MB", (None, MOST_MB))
    few, many, name = each[chosen.few], each[chosen.series], f"the same for {chosen.few:,}"
    yield Case("distributed", f"per-series-{chosen.series}", many, "ms", (None, 1.2), few, name)


def prepare_run(url: str, home: str, series: int) -> Step:
    """Extract, forecast, write back and publish, in one process."""
    engine, store = create_engine(url), ArtifactStore(f"{home}/artifacts")

    def step() -> None:
        with create_sessions(engine)() as session:
            result = forecast(session, store, "weekly", progress=say)
            session.commit()
        assert result.series > series, result

    return step


def say(phase: str, done: int = 0, total: int = 0) -> None:
    """Where a long run is, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {phase} {done}/{total}", file=sys.stderr, flush=True)


def pages(chosen: argparse.Namespace) -> Iterator[Case]:
    """Listing, searching and opening one of a million series."""
    with data.own_database(chosen.server) as url, tempfile.TemporaryDirectory(prefix="forecastle-") as home:
        yield from million(url, Path(home))


CASES: dict[str, Callable[[argparse.Namespace], Iterator[Case]]] = {
    "dask": dask,
    "hosts": hosts,
    "volume": volume,
    "pages": pages,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
