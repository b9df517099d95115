"""Imports: an upload becomes a row, and a checked mapping becomes a job. Shared by page, API and command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import IO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, Source
from ml.errors import ConflictError, MappingError
from ml.etl import mapping as fields
from ml.etl.sources.files import FileSample, inspect
from webapp.errors import FieldError, InvalidRequestError, UnmappedColumnsError
from webapp.queries.imports import get_import, job_dedupe_prefix, jobs_of_import
from worker.models import JobRun
from worker.queues import request_job

FOLDER = "uploads"
STARTABLE = ("uploaded", "failed")


def create_import(session: Session, store: ArtifactStore, file: IO[bytes], filename: str, user: str) -> Import:
    """Keep an uploaded file with a guessed mapping, to be corrected and started later; commits.

    Raises SourceError where the file cannot be read as CSV; nothing is kept then.
    """
    sample = inspect(file, filename)
    row = new_import(store, file, filename, sample)
    row.mapping, row.created_by = fields.guess(sample.columns, sample.rows), user
    session.add(row)
    session.commit()
    return row


def import_file(
    session: Session,
    store: ArtifactStore,
    file: IO[bytes],
    filename: str,
    user: str,
    *,
    overrides: Mapping[str, str] | None = None,
) -> tuple[Import, JobRun]:
    """Keep an uploaded file and ask for the job that loads it; commits both at once.

    `overrides` replaces guessed columns by field; '' leaves a field out. Raises SourceError
    or UnmappedColumnsError, and keeps nothing then.
    """
    sample = inspect(file, filename)
    mapping = merge_mapping(fields.guess(sample.columns, sample.rows), overrides or {})
    check_mapping(mapping, sample.columns)
    row = new_import(store, file, filename, sample)
    row.mapping, row.created_by = mapping, user
    session.add(row)
    session.flush()
    job = queue_import(session, row, mapping, user)
    session.commit()
    return row, job


def start_import(session: Session, import_id: int, mapping: Mapping[str, str] | None, user: str) -> JobRun:
    """Ask for the job that loads an uploaded file, under `mapping` where given; commits.

    `mapping` is the whole of it; empty columns leave their field out. Raises NotFoundError,
    ConflictError where the import was started already, and UnmappedColumnsError.
    """
    row = get_import(session, import_id)
    chosen = merge_mapping({}, row.mapping if mapping is None else mapping)
    check_mapping(chosen, row.dialect["columns"])
    job = queue_import(session, row, chosen, user)
    session.commit()
    return job


def merge_mapping(guessed: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """A mapping with some fields replaced; fields without a column are left out."""
    return {field: column for field, column in {**guessed, **overrides}.items() if column}


def check_mapping(mapping: Mapping[str, str], columns: list[str]) -> None:
    """Raise UnmappedColumnsError, with an error for each wrong field, unless the mapping can be loaded."""
    try:
        fields.check(mapping, columns)
    except MappingError as error:
        raise UnmappedColumnsError(str(error), field_errors(mapping, columns)) from None


def field_errors(mapping: Mapping[str, str], columns: list[str]) -> list[FieldError]:
    missing = [
        FieldError(f"mapping.{field.name}", f"no column is chosen for {field.label}")
        for field in fields.FIELDS
        if field.required and field.name not in mapping
    ]
    unknown = [FieldError(f"mapping.{name}", "there is no such field") for name in mapping if name not in fields.FIELD]
    absent = [
        FieldError(f"mapping.{name}", f"the file has no column {column!r}")
        for name, column in mapping.items()
        if name in fields.FIELD and column not in columns
    ]
    return missing + unknown + absent


def new_import(store: ArtifactStore, file: IO[bytes], filename: str, sample: FileSample) -> Import:
    """Store the file and describe it in a row, not yet added to a session."""
    name = file_name(filename)
    artifact, sha256, size = store.put_file(FOLDER, file, ".csv.gz" if name.endswith(".gz") else ".csv")
    dialect = {**sample.dialect, "columns": sample.columns}
    return Import(filename=name, artifact=artifact, sha256=sha256, size=size, dialect=dialect)


def named_source(session: Session, name: str, dataset: str) -> Source:
    """The source of that name; raises InvalidRequestError where there is none, or one of another data set."""
    found = session.scalar(sa.select(Source).where(Source.name == name))
    if found is None:
        raise InvalidRequestError([FieldError("source", f"there is no source {name!r}")])
    if found.dataset != dataset:
        raise InvalidRequestError([FieldError("source", f"the source {name!r} gives {found.dataset}, not {dataset}")])
    return found


def file_name(sent: str) -> str:
    """The name of an upload without folders and without characters that hide or mislead (control, direction)."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:250].strip() or "upload.csv"


def queue_import(session: Session, row: Import, mapping: dict[str, str], user: str) -> JobRun:
    """Mark the import as queued and add its job; leaves the commit to the caller.

    The conditional UPDATE lets one of two simultaneous starts win.
    """
    won = session.execute(
        sa.update(Import)
        .where(Import.id == row.id, Import.state.in_(STARTABLE))
        .values(state="queued", mapping=mapping, error=None)
    )
    if won.rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError(f"import {row.id} was started already; it is {row.state}.")
    number = len(jobs_of_import(session, row.id)) + 1
    dedupe_key = f"{job_dedupe_prefix(row.id)}{number}"
    return request_job(session, "ingest", {"import_id": row.id}, requested_by=user, dedupe_key=dedupe_key)
