"""Take back: an import undone, as if it had never been loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.imports import Import
from ml.errors import ConflictError
from ml.etl import records
from ml.etl.datasets import SALES
from ml.etl.take_back import take_back_sales
from ml.pipelines.ingest import find_import
from ml.progress import Progress, silent


@dataclass(frozen=True)
class TakeBackResult:
    """Rows (records, of other data sets than sales) that went, came back, and stayed since other imports have them.

    The dates are those of the sales that changed; None where none did.
    """

    import_id: int
    dataset: str
    removed: int
    restored: int
    kept: int
    first_date: date | None
    last_date: date | None

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        values = asdict(self)
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def take_back(session: Session, import_id: int, user: str, progress: Progress = silent) -> TakeBackResult:
    """Take a loaded import back; the caller commits, with what follows from it.

    The tables become what they would be had it never been loaded: rows that it replaced come back, and rows that
    other imports contain too stay. Done again, it changes nothing and says what was done. Raises NotFoundError, and
    ConflictError for an import that was never loaded.
    """
    record = find_import(session, import_id)
    if record.state == "undone":
        return _result(record)
    if record.state != "loaded":
        raise ConflictError(f"import {import_id} is {record.state}; only one that is loaded can be taken back.")
    done = _sales(session, record, progress) if record.dataset == SALES.name else _records(session, record, progress)
    record.report = {**(record.report or {}), "taken_back": done}
    record.state, record.undone_at, record.undone_by = "undone", utc_now(), user
    session.flush()
    return _result(record)


def _sales(session: Session, record: Import, progress: Progress) -> dict[str, Any]:
    progress("taking back", 0, record.rows_loaded or 0)
    done, deltas = take_back_sales(session, record)
    progress("taking back", record.rows_loaded or 0, record.rows_loaded or 0)
    dates = {"first_date": deltas.first_day, "last_date": deltas.last_day}
    return {**asdict(done), **{name: day and day.isoformat() for name, day in dates.items()}}


def _records(session: Session, record: Import, progress: Progress) -> dict[str, Any]:
    changed = records.take_back(session, record, progress)
    return {"removed": changed, "restored": 0, "kept": 0, "first_date": None, "last_date": None}


def _result(record: Import) -> TakeBackResult:
    done = (record.report or {})["taken_back"]
    dates = {name: done[name] and date.fromisoformat(done[name]) for name in ("first_date", "last_date")}
    return TakeBackResult(record.id, record.dataset, done["removed"], done["restored"], done["kept"], **dates)
