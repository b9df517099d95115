"""Ingest: an uploaded file's rows into `sales_raw`, whole or not at all, and the same file never twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.errors import ConflictError, NotFoundError
from ml.etl import load, mapping
from ml.etl.advance import advance_source, check_newest
from ml.etl.cells import Checks
from ml.etl.check import CheckedFile, check_file
from ml.etl.datasets import SALES
from ml.etl.known import known_codes
from ml.etl.policy import Policy
from ml.etl.sources import files
from ml.pipelines.ingest_records import load_records
from ml.pipelines.weigh import refuse, weigh, write_report
from ml.progress import Progress, silent


@dataclass(frozen=True)
class IngestResult:
    """What an import did. The dates are those of the file's good rows, new or not; products and customers have none."""

    import_id: int
    dataset: str
    rows_total: int
    rows_loaded: int
    rows_unchanged: int
    rows_rejected: int
    first_date: date | None
    last_date: date | None
    conflicts: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        values = {**asdict(self), "notes": list(self.notes)}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def load_import(session: Session, store: ArtifactStore, import_id: int, progress: Progress = silent) -> IngestResult:
    """Check and load one import; the caller commits the last step, with its event.

    The file is checked whole before anything is written. Then rejected rows and codes are
    committed on the way, and the rows, the aggregates that they change and the
    import's new state are left open for the caller. Killed at any point and run again, it
    gives what an undisturbed run gives; run again after its end, it changes nothing.

    Raises NotFoundError for an unknown import, MappingError and SourceError where the file
    cannot be read as mapped, DataError where none of its rows can be loaded or its policy
    refuses it (rejected rows are kept with their reasons); then call `mark_failed`.
    """
    record = find_import(session, import_id)
    if record.state == "loaded":
        return _result(record)
    if record.state == "undone":
        raise ConflictError(f"import {import_id} was taken back; upload its file again to load it as a new import.")
    check_newest(session, record)
    record.state, record.error = "running", None
    load.clear(session, import_id)
    session.commit()
    if record.dataset == SALES.name:
        _load_sales(session, store, record, progress)
    else:
        load_records(session, store, record, progress)
    record.state, record.finished_at, record.sequence = "loaded", utc_now(), _next_sequence(session)
    advance_source(session, record)
    session.flush()
    return _result(record)


def _load_sales(session: Session, store: ArtifactStore, record: Import, progress: Progress) -> None:
    with check_sales(session, store, record, progress) as checked:
        load.reject(session, record.id, checked)
        weighed = weigh(session, record, checked)
        refuse(session, record, checked, weighed)
        progress("matching codes", 0, len(checked.leaves))
        ids = load.resolve(session, checked)
        session.commit()
        published = load.publish(session, record.id, checked, ids, progress)
        write_report(record, checked, weighed, published.loaded, published.changed)


def mark_failed(session: Session, import_id: int, message: str) -> None:
    """Note why an import ended without loading anything; the caller commits."""
    record = find_import(session, import_id)
    if record.state in ("loaded", "undone"):
        return
    record.state, record.error, record.finished_at = "failed", message, utc_now()
    session.flush()


def find_import(session: Session, import_id: int) -> Import:
    """The import as it stands now; raises NotFoundError."""
    record = session.get(Import, import_id, populate_existing=True)
    if record is None:
        raise NotFoundError(f"there is no import {import_id}; it may have been deleted. Upload the file again.")
    return record


def check_sales(session: Session, store: ArtifactStore, record: Import, progress: Progress) -> CheckedFile:
    """Check an import of sales without loading it; close the result."""

    def open_file() -> IO[bytes]:
        return store.open(record.artifact)

    with open_file() as file:
        sample = files.inspect(file, record.filename, record.dialect)
    mapping.check(record.mapping, sample.columns)
    policy = Policy.from_dict(record.policy)
    checks = Checks(utc_now().date(), policy, known_codes(session, policy, SALES))
    return check_file(open_file, sample, record.mapping, checks, progress, str(record.source_id or ""))


def _next_sequence(session: Session) -> int:
    """The place of the next import among those that were published."""
    return (session.scalar(sa.select(sa.func.max(Import.sequence))) or 0) + 1


def _result(record: Import) -> IngestResult:
    report = record.report or {}
    return IngestResult(
        import_id=record.id,
        dataset=record.dataset,
        rows_total=report["rows"],
        rows_loaded=report["loaded"],
        rows_unchanged=report["unchanged"],
        rows_rejected=report["rejected"],
        first_date=record.first_date,
        last_date=record.last_date,
        conflicts=len(report["conflicts"]),
        notes=tuple(report["notes"]),
    )
