"""A dry run: an import is checked as if it were loaded, and the report says what would happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import in_lists
from ml.db.imports import Import, RejectedRow
from ml.db.sales import SalesRaw
from ml.errors import ConflictError
from ml.etl import load
from ml.etl.catalog import disagreements
from ml.etl.check import CheckedFile
from ml.etl.datasets import SALES
from ml.etl.known import known_products
from ml.etl.record_check import CheckedRecords
from ml.etl.record_store import read_records
from ml.etl.record_tables import RECORD_TABLES
from ml.pipelines import ingest_records
from ml.pipelines.ingest import check_sales, find_import
from ml.pipelines.weigh import weigh
from ml.progress import Progress, silent

STARTABLE = ("uploaded", "failed")
EXAMPLES = 20
"""Rejected rows that the report shows; all are kept."""


def dry_run(session: Session, store: ArtifactStore, import_id: int, progress: Progress = silent) -> dict[str, Any]:
    """Check an import and write its report and its rejected rows; nothing is loaded, its state stays. Commits.

    The report is that of a real import, with `dry_run`, `refusal` (why it would be refused, or ''), the first and
    the last date and `examples` of rejected rows. Which rows are there already, or would be changed, is told from
    their keys as the tables stand now.

    Raises NotFoundError, ConflictError where the import was started, MappingError and SourceError where the file
    cannot be read as mapped.
    """
    record = _startable(session, import_id)
    with _check(session, store, record, progress) as checked:
        weighed = weigh(session, record, checked)
        known, changed = _compare(session, record, checked, progress)
        record = _startable(session, import_id)  # it may have been started meanwhile
        load.clear(session, import_id)
        load.reject(session, import_id, checked)
        dates = {
            name: day.isoformat() if (day := getattr(checked, name)) else None for name in ("first_date", "last_date")
        }
        report = {
            "rows": checked.rows_total,
            "loaded": checked.rows.rows - known + changed,
            "changed": changed,
            "unchanged": known - changed,
            "rejected": checked.rejections.rows,
            **dates,
            **weighed.report,
            "dry_run": True,
            "refusal": weighed.refusal,
            "examples": _examples(session, import_id),
            "conflicts": checked.conflicts,
            "notes": checked.notes,
        }
        record.report, record.rows_total, record.rows_rejected = report, checked.rows_total, checked.rejections.rows
        session.commit()
    return report


def _startable(session: Session, import_id: int) -> Import:
    record = find_import(session, import_id)
    if record.state not in STARTABLE:
        raise ConflictError(f"import {import_id} was started already; it is {record.state}, and cannot be tried out.")
    return record


def _check(session: Session, store: ArtifactStore, record: Import, progress: Progress) -> CheckedFile | CheckedRecords:
    if record.dataset == SALES.name:
        checked = check_sales(session, store, record, progress)
        checked.report(disagreements(*known_products(session, checked.products)))
        return checked
    return ingest_records.check(session, store, record, progress)


def _compare(
    session: Session, record: Import, checked: CheckedFile | CheckedRecords, progress: Progress
) -> tuple[int, int]:
    """How many rows have a key that is there already, and how many of these say something else."""
    known = changed = done = 0
    pieces = _sales(session, checked) if isinstance(checked, CheckedFile) else _records(session, record, checked)
    for rows, found, differing in pieces:
        known, changed, done = known + found, changed + differing, done + rows
        progress("comparing", done, checked.rows.rows)
    return known, changed


def _sales(session: Session, checked: CheckedFile) -> Iterator[tuple[int, int, int]]:
    for batch in checked.rows.read():
        keys, contents = batch.column("row_key").to_pylist(), batch.column("content_key").to_pylist()
        kept = _contents(session, keys)
        met = [(kept[key], content) for key, content in zip(keys, contents, strict=True) if key in kept]
        yield len(keys), len(met), sum(content is not None and content != other for other, content in met)


def _contents(session: Session, keys: Sequence[bytes]) -> dict[bytes, bytes | None]:
    """The content keys of those rows that are there, by row key."""
    kept: dict[bytes, bytes | None] = {}
    for some in in_lists(keys):
        query = sa.select(SalesRaw.row_key, SalesRaw.content_key).where(SalesRaw.row_key.in_(some))
        kept |= {row.row_key: row.content_key for row in session.execute(query)}
    return kept


def _records(session: Session, record: Import, checked: CheckedRecords) -> Iterator[tuple[int, int, int]]:
    target = RECORD_TABLES[record.dataset]
    names = [name for name in checked.fields if name in target.columns]
    for keys, said in checked.read():
        kept = read_records(session, target, keys)
        met = [(kept[key]._mapping, one) for key, one in zip(keys, said, strict=True) if key in kept]
        yield len(keys), len(met), sum(any(row[name] != one[name] for name in names) for row, one in met)


def _examples(session: Session, import_id: int) -> list[dict[str, Any]]:
    query = sa.select(RejectedRow).where(RejectedRow.import_id == import_id).order_by(RejectedRow.row_number)
    names = ("row_number", "column", "value", "reason")
    return [{name: getattr(row, name) for name in names} for row in session.scalars(query.limit(EXAMPLES))]
