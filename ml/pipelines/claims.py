"""Who has which partition of a run: taken by a conditional update, and fenced, so that nobody writes one twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.results import ForecastPartition, ForecastRun
from ml.errors import ConflictError
from ml.etl.partition import Partition


@dataclass(frozen=True)
class Claim:
    """A partition in the hands of one process. `number` is the fence: it moves on when another one takes it."""

    partition_id: int
    number: int
    run_id: int
    place: int
    part: Partition

    @property
    def again(self) -> bool:
        """Whether somebody had it before, and may have left rows."""
        return self.number > 1

    def hold(self, session: Session) -> None:
        """Lock the claim until the transaction ends; raises ConflictError where it was lost."""
        if not self._change(session, claim=self.number):
            raise ConflictError(
                f"partition {self.place} of forecast run {self.run_id} was taken over, or its run was overtaken by a "
                "later one; what was not written yet is discarded, and made there."
            )

    def commit(self, session: Session) -> None:
        """Commit what was written for the partition; raises ConflictError, and commits nothing, where it was lost."""
        self.hold(session)
        session.commit()

    def finish(self, session: Session, **columns: Any) -> None:
        """Commit the partition as done; raises as `commit` does."""
        self.hold(session)
        self._change(session, state="done", done_at=utc_now(), **columns)
        session.commit()

    def _change(self, session: Session, **values: Any) -> bool:
        table = ForecastPartition
        mine = (table.id == self.partition_id, table.claim == self.number, table.state == "claimed")
        return _changed(session, sa.update(table).where(*mine).values(**values))


def claim_next(session: Session, run_id: int, holder: str) -> Claim | None:
    """Take a partition of a run that is owed; None where none is, or the run has ended. Commits."""
    table = ForecastPartition
    running = sa.exists().where(ForecastRun.id == run_id, ForecastRun.state == "running")
    owed = sa.select(table).where(table.run_id == run_id, table.state == "owed", running).order_by(table.number)
    while True:
        row = session.scalars(owed.limit(1), execution_options={"populate_existing": True}).one_or_none()
        if row is None:
            session.commit()
            return None
        taken = row.claim + 1
        seen = (table.id == row.id, table.claim == row.claim, table.state == "owed")
        values = {"state": "claimed", "claim": taken, "claimed_by": holder, "claimed_at": utc_now()}
        won = _changed(session, sa.update(table).where(*seen).values(**values))
        session.commit()
        if won:
            return Claim(row.id, taken, run_id, row.number, Partition.read(row.part))


def free_lost(session: Session, run_id: int, is_alive: Callable[[str], bool]) -> int:
    """Let partitions be owed again whose holder is no more; returns how many. Commits."""
    table = ForecastPartition
    held = sa.select(table.id, table.claim, table.claimed_by).where(table.run_id == run_id, table.state == "claimed")
    freed = 0
    for number, claim, holder in session.execute(held).all():
        if not is_alive(holder or ""):
            seen = (table.id == number, table.claim == claim, table.state == "claimed")
            freed += _changed(session, sa.update(table).where(*seen).values(state="owed"))
    session.commit()
    return freed


@dataclass(frozen=True)
class Standing:
    """How far a run is: partitions and leaves, those that are done, and whether it is still wanted."""

    partitions: int
    done: int
    leaves: int
    done_leaves: int
    wanted: bool

    @property
    def complete(self) -> bool:
        """Whether all partitions are done."""
        return self.done == self.partitions


def standing(session: Session, run_id: int) -> Standing:
    """See Standing. Ends the transaction."""
    table = ForecastPartition
    is_done = table.state == "done"
    query = sa.select(
        sa.func.count(),
        sa.func.sum(sa.case((is_done, 1), else_=0)),
        sa.func.sum(table.leaves),
        sa.func.sum(sa.case((is_done, table.leaves), else_=0)),
    ).where(table.run_id == run_id)
    row = session.execute(query).one()
    state = session.scalar(sa.select(ForecastRun.state).where(ForecastRun.id == run_id))
    session.commit()
    partitions, done, leaves, done_leaves = (int(value or 0) for value in row)
    return Standing(partitions, done, leaves, done_leaves, state == "running")


def _changed(session: Session, statement: sa.Update) -> bool:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount == 1
