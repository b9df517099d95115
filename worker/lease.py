"""One leader among several processes, and a fence against one that does not know that it was replaced.

The leader's beat is counted in the database; a follower that hears no beat for a while, by its own monotonic clock,
takes over. So neither clocks that disagree nor one that is set make two leaders, and where a leader was only held up,
its token is no longer the row's and `fence` keeps it from committing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.db.session import reading
from worker.errors import NotLeaderError
from worker.models import Lease

SILENCE_SECONDS = 15.0
"""How long a leader may be silent before another process takes over."""


class Leadership:
    """The part of one process in a lease; call `hold` every few seconds."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        name: str,
        holder: str,
        silence: float = SILENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions, self._name, self._holder = sessions, name, holder
        self._silence, self._clock = silence, clock
        self._token: int | None = None
        self._seen: tuple[int, int] | None = None
        self._heard = clock()

    def hold(self) -> bool:
        """Beat where this process leads, else take over where nobody does; whether it leads now."""
        if self._token is not None:
            if self._update(Lease.token == self._token, beat=Lease.beat + 1):
                return True
            self._token = None
        return self._take_over()

    def fence(self, session: Session) -> None:
        """Raise NotLeaderError unless this process leads; it stays so until the session's commit, since the row is
        locked. Leaves the commit to the caller."""
        mine = (Lease.name == self._name, Lease.token == self._token)
        statement = sa.update(Lease).where(*mine).values(token=Lease.token)
        if self._token is None or not _changed(session, statement):
            raise NotLeaderError(f"another process leads {self._name!r} now; nothing of this is committed.")

    def release(self) -> None:
        """Let the next process lead at once."""
        if self._token is not None:
            self._update(Lease.token == self._token, holder="")
            self._token = None

    def _take_over(self) -> bool:
        row = self._read()
        if row is None:
            self._add()
            row = self._read()
        if row is None:
            return False
        now = (row.token, row.beat)
        if now != self._seen:
            self._seen, self._heard = now, self._clock()
        if row.holder and self._clock() - self._heard < self._silence:
            return False
        as_seen = sa.and_(Lease.token == row.token, Lease.beat == row.beat)
        if self._update(as_seen, holder=self._holder, token=row.token + 1, beat=0):
            self._token = row.token + 1
        return self._token is not None

    def _read(self) -> Lease | None:
        with reading(self._sessions) as session:
            return session.get(Lease, self._name)

    def _add(self) -> None:
        """Make the row; another process may do so at the same time."""
        with self._sessions() as session:
            try:
                session.add(Lease(name=self._name))
                session.commit()
            except sa.exc.IntegrityError:
                session.rollback()

    def _update(self, condition: sa.ColumnElement[bool], **values: Any) -> bool:
        with self._sessions() as session:
            done = _changed(session, sa.update(Lease).where(Lease.name == self._name, condition).values(**values))
            session.commit()
        return done


def _changed(session: Session, statement: sa.Update) -> bool:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", result).rowcount == 1


def hold_off(session: Session, name: str) -> None:
    """Keep the leader from committing until the session's own commit, so that it sees all or nothing of that."""
    session.execute(
        sa.update(Lease).where(Lease.name == name).values(token=Lease.token),
        execution_options={"synchronize_session": False},
    )
