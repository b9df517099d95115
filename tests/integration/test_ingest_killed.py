"""Killed at any moment and run again, an import gives the tables of an undisturbed run."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.sales import SalesRepeat, SalesSuperseded
from ml.etl.sources import csv_rows
from ml.pipelines.ingest import load_import
from tests.conftest import disposing
from tests.etl_helpers import aggregates, dump, ingest, sales_csv, upload

KILLS = 50
COLUMNS = {
    kind: [column for column in kind.__table__.columns if column.name != "id"]
    for kind in (SalesSuperseded, SalesRepeat)
}


class Clock:
    """Counts the moments at which the process could die, and has it killed at one of them."""

    def __init__(self, fatal: int = 0) -> None:
        self.moments = 0
        self._fatal = fatal

    def tick(self, *_: object) -> None:
        self.moments += 1
        if self.moments == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class WatchedSession(Session):
    """A session whose clock ticks before a commit and after it."""

    clock: Clock

    def commit(self) -> None:
        self.clock.tick()
        super().commit()
        self.clock.tick()


def attempt(database: Path, store: ArtifactStore, import_id: int, clock: Clock) -> None:
    """One run of the job; each statement, commit and step is a moment."""
    with disposing(f"sqlite:///{database}") as engine, WatchedSession(engine, expire_on_commit=False) as session:
        session.clock = clock
        sa.event.listen(engine, "before_cursor_execute", clock.tick)
        load_import(session, store, import_id, clock.tick)
        session.commit()


def killed_attempt(database: Path, store: ArtifactStore, import_id: int, fatal: int) -> None:
    """A run in a process of its own, forked as a worker forks for a job, that dies in the middle of it."""
    child = os.fork()
    if child == 0:
        try:
            attempt(database, store, import_id, Clock(fatal))
        finally:
            os._exit(1)  # only if it was not killed
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"not killed at moment {fatal}"


def tables(database: Path) -> tuple[Any, Any, list[Any]]:
    with disposing(f"sqlite:///{database}") as engine, Session(engine) as session:
        kept = [session.execute(sa.select(*COLUMNS[kind]).order_by(kind.row_key)).all() for kind in COLUMNS]
        return dump(session), aggregates(session), kept


def corrected(content: str) -> str:
    """The same lines, every third with another quantity."""
    header, *lines = content.splitlines()
    changed = [line.rsplit(",", 2) for line in lines]
    again = [f"{a},{int(qty) + (n % 3 == 0)},{ref}" for n, (a, qty, ref) in enumerate(changed)]
    return "\n".join([header, *again]) + "\n"


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("tsql_elsewhere")
def test_whenever_it_is_killed_an_import_run_again_leaves_the_same_tables(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that adds, repeats and replaces lines, on top of another, killed at 50 random moments."""
    monkeypatch.setattr(csv_rows, "BLOCK", 4_096)  # several chunks
    prepared, copy = tmp_path / "prepared.db", tmp_path / "copy.db"
    content = numbered(sales_csv(150))
    with disposing(f"sqlite:///{prepared}") as engine, Session(engine, expire_on_commit=False) as session:
        Base.metadata.create_all(engine)
        ingest(session, store, content[: content.index("\n", len(content) // 2) + 1], line_ref="Line")
        import_id = upload(session, store, corrected(content), line_ref="Line")
    shutil.copy(prepared, copy)
    clock = Clock()
    attempt(copy, store, import_id, clock)
    expected = tables(copy)
    assert min(map(len, expected[2])) > 10, "lines are replaced and repeated"
    moments = random.Random(7).sample(range(1, clock.moments + 1), KILLS)  # noqa: S311
    for fatal in moments:
        for left in tmp_path.glob("copy.db*"):
            left.unlink()
        shutil.copy(prepared, copy)
        killed_attempt(copy, store, import_id, fatal)
        attempt(copy, store, import_id, Clock())
        assert tables(copy) == expected, f"killed at moment {fatal} of {clock.moments}"


def numbered(content: str) -> str:
    """Sales with a column of line ids."""
    header, *lines = content.splitlines()
    return "\n".join([f"{header},Line", *(f"{line},L{number}" for number, line in enumerate(lines))]) + "\n"
