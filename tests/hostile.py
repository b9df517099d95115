"""A process that loads many hostile files, as uploads and their jobs would.

`python -m tests.hostile 200` loads so many, prints what became of them and the most memory that one took.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.imports import Import
from ml.db.session import create_engine, create_sessions
from ml.errors import DataError, MappingError, SourceError
from ml.etl import mapping
from ml.etl.rejected import rejected_csv
from ml.etl.sources.files import inspect
from ml.pipelines.ingest import load_import, mark_failed
from tests.hostile_files import KINDS, Random

REFUSED = (SourceError, DataError, MappingError)


class Loader:
    """Loads files as an upload and its job would; all into one database."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._store = folder, ArtifactStore(str(folder / "artifacts"))

    def __enter__(self) -> Loader:
        self._engine = create_engine(f"sqlite:///{self._folder / 'hostile.db'}")
        Base.metadata.create_all(self._engine)
        self._sessions = create_sessions(self._engine)
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def load(self, content: bytes) -> str:
        """What became of a file: 'loaded', 'loaded in part' or 'refused'; any other error comes through."""
        file = io.BytesIO(content)
        try:
            sample = inspect(file, "sales.csv")
            json.dumps([sample.columns, sample.rows], ensure_ascii=False).encode()  # a page shows them
            return self._load(file, sample.dialect, mapping.guess(sample.columns, sample.rows))
        except REFUSED as error:
            return f"refused ({type(error).__name__})" if len(str(error)) < 5_000 else "refused at length"

    def _load(self, file: io.BytesIO, dialect: dict[str, str], chosen: dict[str, str]) -> str:
        path, checksum, size = self._store.put_file("uploads", file)
        fields = {"artifact": path, "sha256": checksum, "size": size, "dialect": dialect, "mapping": chosen}
        with self._sessions() as session:
            record = Import(filename="sales.csv", state="queued", **fields)
            session.add(record)
            session.commit()
            try:
                result = load_import(session, self._store, record.id)
                session.commit()
            except REFUSED as error:
                session.rollback()
                mark_failed(session, record.id, str(error))
                session.commit()
                raise
            for line in csv.reader(io.StringIO("".join(rejected_csv(session, record.id)), newline="")):
                assert not any(cell.startswith(("=", "@", "\t")) for cell in line), line
        return "loaded in part" if result.rows_rejected else "loaded"


def load_many(count: int, folder: Path) -> Counter[str]:
    """Load so many hostile files; raises what is no refusal, with the file's kind and number."""
    outcomes: Counter[str] = Counter()
    numbers = st.tuples(st.sampled_from(KINDS), st.integers(0, 1 << 32))
    with Loader(folder) as loader:

        @hypothesis.settings(
            max_examples=count,
            deadline=None,
            derandomize=True,
            phases=[hypothesis.Phase.generate],
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(numbers)
        def load(case: tuple[Callable[[Random], bytes], int]) -> None:
            kind, seed = case
            hypothesis.note(f"{kind.__name__} {seed}")
            content = kind(Random(seed))
            reset_peak()
            outcomes[f"{kind.__name__}: {loader.load(content)}"] += 1
            outcomes["peak"] = max(outcomes["peak"], peak_megabytes())

        load()
    return outcomes


def reset_peak() -> None:
    """Forget how much memory this process has had, such as for making a file."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_megabytes() -> int:
    """The most memory that this process has had since."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) >> 10


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = load_many(int(sys.argv[1]), Path(scratch))
    peak = found.pop("peak")
    sys.stdout.write(
        json.dumps({"files": found.total(), "peak_mb": peak, "outcomes": dict(sorted(found.items()))}) + "\n"
    )
