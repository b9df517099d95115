"""The transaction of a request that has a key: the claim of the key, what the request writes, and its answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from ml.db.base import utc_now
from webapp.errors import ReusedKeyError
from worker.models import IdempotencyKey


@dataclass(frozen=True)
class KeptAnswer:
    """The answer that was given under a key before, encrypted."""

    status: int
    sealed: str


class KeyedTransaction:
    """Everything of one request, committed at once by `keep`, or not at all. Close it in the end."""

    def __init__(self, engine: sa.Engine) -> None:
        self.connection = engine.connect()
        self._transaction = self.connection.begin()
        self._key = b""

    def claim(self, key: bytes, request_hash: str) -> KeptAnswer | None:
        """Take a key, after whoever holds it now; or get the answer of before.

        Raises ReusedKeyError where the key was used for another request.
        """
        row = {"key": key, "request_hash": request_hash, "created_at": utc_now()}
        try:
            self.connection.execute(sa.insert(IdempotencyKey).values(row))
        except sa.exc.IntegrityError:
            self._transaction.rollback()
            return self._earlier(key, request_hash)
        self._key = key
        return None

    def _earlier(self, key: bytes, request_hash: str) -> KeptAnswer:
        found = earlier_answer(self.connection, key, request_hash)
        if found is None:
            raise RuntimeError("a key that was taken is gone")
        return found

    def keep(self, answer: KeptAnswer) -> None:
        """Commit what was written together with the answer."""
        values = {"status": answer.status, "answer": answer.sealed}
        self.connection.execute(sa.update(IdempotencyKey).where(IdempotencyKey.key == self._key).values(values))
        self._transaction.commit()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        self.connection.close()


def earlier_answer(connection: sa.Connection, key: bytes, request_hash: str) -> KeptAnswer | None:
    """The answer that was kept under a key; raises ReusedKeyError where the key was used for another request."""
    columns = (IdempotencyKey.request_hash, IdempotencyKey.status, IdempotencyKey.answer)
    found = connection.execute(sa.select(*columns).where(IdempotencyKey.key == key)).one_or_none()
    if found is None:
        return None
    if found.request_hash != request_hash:
        raise ReusedKeyError(
            "this Idempotency-Key was used for another request before; send new requests under a new key."
        )
    return KeptAnswer(found.status, found.answer)


def find_answer(engine: sa.Engine, key: bytes, request_hash: str) -> KeptAnswer | None:
    """As `earlier_answer`, in a transaction of its own."""
    with engine.connect() as connection:
        return earlier_answer(connection, key, request_hash)


def keep_answer(engine: sa.Engine, key: bytes, request_hash: str, answer: KeptAnswer) -> None:
    """Keep an answer in a transaction of its own; of two under one key the first stays."""
    row = {"key": key, "request_hash": request_hash, "created_at": utc_now()}
    values = {**row, "status": answer.status, "answer": answer.sealed}
    with suppress(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(sa.insert(IdempotencyKey).values(values))
