"""Ingest: an uploaded file's rows into `sales_raw`, whole or not at all, and the same file never twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import IO, Any, cast

from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.errors import DataError, NotFoundError
from ml.etl import load, mapping
from ml.etl.advance import advance_source
from ml.etl.check import CheckedFile, check_file
from ml.etl.sources import files
from ml.progress import Progress, silent


@dataclass(frozen=True)
class IngestResult:
    """What an import did. The dates are those of the file's good rows, new or not."""

    import_id: int
    rows_total: int
    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    first_date: date
    last_date: date
    conflicts: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        dates = {"first_date": self.first_date.isoformat(), "last_date": self.last_date.isoformat()}
        return {**asdict(self), **dates, "notes": list(self.notes)}


def load_import(session: Session, store: ArtifactStore, import_id: int, progress: Progress = silent) -> IngestResult:
    """Check and load one import; the caller commits the last step, with its event.

    The file is checked whole before anything is written. Then codes, rejected rows and
    staging chunks are committed on the way, and the move into `sales_raw`, with the
    import's new state, is left open for the caller. Killed at any point and run again, it
    gives what an undisturbed run gives; run again after its end, it changes nothing.

    Raises NotFoundError for an unknown import, MappingError and SourceError where the file
    cannot be read as mapped, DataError where none of its rows can be loaded (these are
    kept with their reasons); then call `mark_failed`.
    """
    record = _find(session, import_id)
    if record.state == "loaded":
        return _result(record)
    record.state, record.error = "running", None
    load.clear(session, import_id)
    session.commit()
    with _check(store, record, progress) as checked:
        load.reject(session, import_id, checked)
        if not checked.rows.rows:
            _refuse(session, record, checked)
        progress("matching codes", 0, len(checked.leaves))
        ids = load.resolve(session, checked)
        session.commit()
        load.stage(session, import_id, checked, ids, progress)
        progress("publishing", 0, checked.rows.rows)
        loaded = load.publish(session, import_id, checked.rows.rows)
        _record(record, checked, loaded)
    record.state, record.finished_at = "loaded", utc_now()
    advance_source(session, record)
    session.flush()
    return _result(record)


def mark_failed(session: Session, import_id: int, message: str) -> None:
    """Note why an import ended without loading anything, and drop what it staged; the caller commits."""
    record = _find(session, import_id)
    if record.state == "loaded":
        return
    record.state, record.error, record.finished_at = "failed", message, utc_now()
    load.clear_staging(session, import_id)
    session.flush()


def _find(session: Session, import_id: int) -> Import:
    record = session.get(Import, import_id, populate_existing=True)
    if record is None:
        raise NotFoundError(f"there is no import {import_id}; it may have been deleted. Upload the file again.")
    return record


def _check(store: ArtifactStore, record: Import, progress: Progress) -> CheckedFile:
    def open_file() -> IO[bytes]:
        return store.open(record.artifact)

    with open_file() as file:
        sample = files.inspect(file, record.filename, record.dialect)
    mapping.check(record.mapping, sample.columns)
    return check_file(open_file, sample, record.mapping, utc_now().date(), progress)


def _refuse(session: Session, record: Import, checked: CheckedFile) -> None:
    """End an import of which no row is good; its rejected rows stay to be looked at."""
    _record(record, checked, 0)
    session.commit()
    raise DataError(
        f"none of the {checked.rows_total:,} rows of {record.filename} can be loaded; "
        f"the first problem is in {checked.first_rejection}. Correct the file or the mapping, then import it again."
    )


def _record(record: Import, checked: CheckedFile, loaded: int) -> None:
    """Write the counts and the report of a check into the import's row."""
    record.rows_total, record.rows_rejected = checked.rows_total, checked.rejections.rows
    record.rows_loaded, record.rows_unchanged = loaded, checked.rows.rows - loaded
    record.first_date, record.last_date = checked.first_date, checked.last_date
    record.report = {
        "rows": checked.rows_total,
        "loaded": loaded,
        "unchanged": checked.rows.rows - loaded,
        "rejected": checked.rejections.rows,
        "conflicts": checked.conflicts,
        "notes": checked.notes,
    }


def _result(record: Import) -> IngestResult:
    report = record.report or {}
    return IngestResult(
        import_id=record.id,
        rows_total=report["rows"],
        rows_loaded=report["loaded"],
        rows_unchanged=report["unchanged"],
        rows_rejected=report["rejected"],
        first_date=cast(date, record.first_date),
        last_date=cast(date, record.last_date),
        conflicts=len(report["conflicts"]),
        notes=tuple(report["notes"]),
    )
