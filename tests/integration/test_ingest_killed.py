"""Killed at any commit or phase and run again, an import gives the tables of an undisturbed run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.etl.sources import csv_rows
from ml.pipelines.ingest import load_import
from tests.etl_helpers import Databases, dump, sales_csv, upload


class KilledError(BaseException):
    """Not an Exception, as SIGKILL cannot be caught either."""


class Clock:
    """Counts the moments at which the process could die, and lets it die at one of them."""

    def __init__(self, fatal: int = 0) -> None:
        self.moments = 0
        self._fatal = fatal

    def tick(self, *_: object) -> None:
        self.moments += 1
        if self.moments == self._fatal:
            raise KilledError


class MortalSession(Session):
    """A session that may die before a commit and after it."""

    clock: Clock

    def commit(self) -> None:
        self.clock.tick()
        super().commit()
        self.clock.tick()


def attempt(engine: sa.Engine, store: ArtifactStore, import_id: int, clock: Clock) -> None:
    """One run of the job; what is not committed when it dies is gone."""
    with MortalSession(engine, expire_on_commit=False) as session:
        session.clock = clock
        load_import(session, store, import_id, clock.tick)
        session.commit()


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    with closing(Databases(tmp_path)) as databases:
        yield databases


def test_every_moment_of_death_leads_to_the_same_tables(
    databases: Databases, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", 4_096)  # several chunks
    content, clock, expected, fatal = sales_csv(150), Clock(), None, 0
    while expected is None or fatal <= clock.moments:
        with databases.session("sqlite") as session:
            engine = session.get_bind()
            assert isinstance(engine, sa.Engine)
            import_id = upload(session, store, content)
            if expected is None:
                attempt(engine, store, import_id, clock)
                expected = dump(session)
            else:
                with pytest.raises(KilledError):
                    attempt(engine, store, import_id, Clock(fatal))
                attempt(engine, store, import_id, Clock())
                assert dump(session) == expected, f"killed at moment {fatal} of {clock.moments}"
        fatal += 1
    assert clock.moments > 20
    assert len(expected["sales"]) == 147
