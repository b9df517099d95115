"""Sales of CSV files checked, loaded and summed up, beside pandas that only copies them into a table."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa

from bench.cases import Case, run
from bench.processes import Measured, Step, measure
from ml.artifacts import ArtifactStore
from ml.db import tables  # noqa: F401 - all of them
from ml.db.base import Base
from ml.db.imports import Import
from ml.db.session import create_engine, create_sessions
from ml.demo import generate
from ml.etl import mapping
from ml.etl.sources.files import inspect
from ml.pipelines.ingest import load_import

COLUMNS = (
    *("sale_date", "order_ref", "region", "territory", "area"),
    *("customer_code", "channel", "product_code", "sales_qty", "sales_amount"),
)
MILLION, SMALL = 1_000_000, 1_000
ROUNDS = 3


def main(arguments: Sequence[str]) -> int:
    """Measure all cases, or those that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m bench.ingest", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}")
    chosen = parser.parse_args(arguments).cases or list(CASES)
    with tempfile.TemporaryDirectory(prefix="forecastle-bench-") as folder:
        return run(case for name in chosen for case in CASES[name](Path(folder)))


def million(folder: Path) -> Iterator[Case]:
    """A million rows: the time beside pandas, in turns, and the memory."""
    file = sales_file(folder, MILLION)
    ours, peer = [], []
    for _ in range(ROUNDS):
        ours.append(_in_new_folder(folder, prepare_import, file))
        peer.append(_in_new_folder(folder, prepare_pandas, file))
    seconds = [median(found.seconds for found in measured) for measured in (ours, peer)]
    yield Case("ingest", "sales-1m", seconds[0], "s", (None, 1.2), seconds[1], "pandas read_csv + to_sql")
    yield Case("ingest", "memory-1m", median(found.peak_mb for found in ours), "MB", (None, 600))


def five_millions(folder: Path) -> Iterator[Case]:
    """Five times the rows beside one million: the memory."""
    one, five = (
        # What the allocator keeps differs by a tenth from run to run.
        median(_in_new_folder(folder, prepare_import, sales_file(folder, rows)).peak_mb for _ in range(ROUNDS))
        for rows in (MILLION, 5 * MILLION)
    )
    yield Case("ingest", "memory-5m", five, "MB", (None, 1.2), one, "the same for 1,000,000 rows")


def small(folder: Path) -> Iterator[Case]:
    """A thousand new rows into a million: the time."""
    file = sales_file(folder, MILLION)
    few = folder / "few.csv"
    lines = pd.read_csv(file).iloc[:: MILLION // SMALL]  # they touch days, places and products all over
    lines.assign(order_ref=lines["order_ref"].astype(str) + "-new").to_csv(few, index=False)
    place = folder / "filled"
    place.mkdir()
    measure(prepare_import, place, file)
    found = []
    for turn in range(ROUNDS):
        copy = folder / f"turn-{turn}"
        shutil.copytree(place, copy)
        found.append(measure(prepare_import, copy, few).seconds)
    yield Case("ingest", "small-import-1k-into-1m", median(found), "s", (None, 1.0))


def sales_file(folder: Path, rows: int) -> Path:
    """The demo company's sales with ten columns, drawn once in a run."""
    path = folder / f"sales-{rows}.csv"
    if not path.exists():
        sales = generate(rows=rows).sales[list(COLUMNS)]
        assert len(sales) >= rows * 0.99, f"the generator gave {len(sales)} rows"
        sales = sales.assign(sale_date=sales["sale_date"].dt.date, order_ref=sales["order_ref"].astype(str))
        pa.csv.write_csv(pa.Table.from_pandas(sales, preserve_index=False), path)
    return path


def prepare_import(folder: Path, file: Path) -> Step:
    """The import as a worker does it: the file lies in the artifact store, the tables are there, libraries loaded."""
    engine = create_engine(f"sqlite:///{folder / 'forecastle.db'}")
    Base.metadata.create_all(engine)
    store = ArtifactStore(str(folder / "artifacts"))
    with file.open("rb") as opened, create_sessions(engine)() as session:
        sample = inspect(opened, file.name)
        opened.seek(0)
        artifact, checksum, size = store.put_file("uploads", opened, ".csv")
        guessed = mapping.guess(sample.columns, sample.rows)
        assert set(guessed.values()) == set(COLUMNS), f"guessed {guessed}"
        upload = Import(filename=file.name, artifact=artifact, sha256=checksum, size=size)
        upload.dialect, upload.mapping, upload.state = sample.dialect, guessed, "queued"
        session.add(upload)
        session.commit()
        import_id = upload.id

    def step() -> None:
        with create_sessions(engine)() as session:
            result = load_import(session, store, import_id)
            session.commit()
        assert result.rows_loaded == result.rows_total > 0, result

    return step


def prepare_pandas(folder: Path, file: Path) -> Step:
    """What a script of two lines does: no check, no key, no aggregate."""
    engine = sa.create_engine(f"sqlite:///{folder / 'pandas.db'}")

    def step() -> None:
        pd.read_csv(file).to_sql("sales", engine, index=False)

    return step


def _in_new_folder(folder: Path, prepare: Callable[[Path, Path], Step], file: Path) -> Measured:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return measure(prepare, Path(place), file)


CASES = {"million": million, "five-millions": five_millions, "small": small}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
