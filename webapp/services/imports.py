"""Imports: an upload becomes a row, a checked mapping becomes a job, and all of it can be taken back.

Shared by page, API and command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db import audit
from ml.db.imports import Import, Source
from ml.errors import ConflictError, MappingError
from ml.etl import mapping as fields
from ml.etl.datasets import SALES, Dataset, get_dataset
from ml.etl.policy import Policy
from ml.etl.rules import rules
from ml.etl.sources.files import FileSample, inspect
from webapp.errors import FieldError, InvalidRequestError, UnmappedColumnsError
from webapp.queries.imports import artifact_of, check_loaded, get_import, job_dedupe_prefix, job_number
from worker.models import JobRun
from worker.queues import request_job

FOLDER = "uploads"
STARTABLE = ("uploaded", "failed")


@dataclass(frozen=True)
class UploadOptions:
    """How an uploaded file is to be read. What is left out is told from the file, or from the source.

    `source` is the name of a saved source: its data set, mapping and policy hold. `mapping`
    replaces single fields of what would be taken otherwise; '' leaves a field out. `sheet` is
    the one to read of a workbook.
    """

    dataset: str = ""
    source: str = ""
    mapping: Mapping[str, Any] | None = None
    policy: Mapping[str, Any] | None = None
    sheet: str = ""


AS_FOUND = UploadOptions()


def create_import(
    session: Session,
    store: ArtifactStore,
    file: IO[bytes],
    filename: str,
    user: str,
    *,
    options: UploadOptions = AS_FOUND,
) -> Import:
    """Keep an uploaded file with a guessed mapping, to be corrected and started later; commits.

    Raises SourceError where the file cannot be read, InvalidRequestError or PolicyError where
    an option is wrong; nothing is kept then.
    """
    row, _ = _described(session, file, filename, options)
    return _kept(session, store, file, row, user)


def import_file(
    session: Session,
    store: ArtifactStore,
    file: IO[bytes],
    filename: str,
    user: str,
    *,
    options: UploadOptions = AS_FOUND,
    dry_run: bool = False,
) -> tuple[Import, JobRun]:
    """Keep an uploaded file and ask for the job that loads it, or with `dry_run` only checks it; commits both at once.

    Raises as `create_import` does, and UnmappedColumnsError; nothing is kept then.
    """
    row, columns = _described(session, file, filename, options)
    check_mapping(row.mapping, columns, get_dataset(row.dataset))
    row = _kept(session, store, file, row, user, commit=False)
    job = queue_import(session, row, row.mapping, row.policy, user, dry_run=dry_run)
    session.commit()
    return row, job


def start_import(
    session: Session,
    import_id: int,
    mapping: Mapping[str, Any] | None,
    user: str,
    *,
    policy: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> JobRun:
    """Ask for the job that loads an uploaded file, under `mapping` and `policy` where given; commits.

    `mapping` is the whole of it; empty columns leave their field out. With `dry_run` the job
    only reports what would happen, and the import can be started afterwards. Raises
    NotFoundError, ConflictError where the import was started already or its file is gone,
    UnmappedColumnsError and PolicyError.
    """
    row = get_import(session, import_id)
    artifact_of(row)
    dataset = get_dataset(row.dataset)
    chosen = merge_mapping({}, row.mapping if mapping is None else mapping)
    check_mapping(chosen, row.dialect["columns"], dataset)
    checked = row.policy if policy is None else checked_policy(policy, dataset)
    job = queue_import(session, row, chosen, checked, user, dry_run=dry_run)
    session.commit()
    return job


def undo_import(session: Session, import_id: int, user: str) -> JobRun:
    """Ask for the job that takes a loaded import back; commits.

    While one runs or waits, that one is returned. Raises NotFoundError, and ConflictError where nothing is loaded.
    """
    row = get_import(session, import_id)
    check_loaded(row)
    unfinished = sa.select(JobRun).where(
        JobRun.kind == "take_back",
        JobRun.dedupe_key.like(job_dedupe_prefix(row.id) + "%"),
        JobRun.state.in_(("queued", "running")),
    )
    if (running := session.scalars(unfinished).first()) is not None:
        return running
    key = f"{job_dedupe_prefix(row.id)}{job_number(session, row.id)}"
    job = request_job(session, "take_back", {"import_id": row.id}, requested_by=user, dedupe_key=key)
    audit.record(session, "take_back", "import", row.id, before={"state": row.state}, after={"job_id": job.id})
    session.commit()
    return job


def merge_mapping(guessed: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with some fields replaced; fields without a rule are left out."""
    return {field: rule for field, rule in {**guessed, **overrides}.items() if rule}


def check_mapping(mapping: Mapping[str, Any], columns: list[str], dataset: Dataset = SALES) -> None:
    """Raise UnmappedColumnsError, with an error for each wrong field, unless the mapping can be loaded."""
    try:
        fields.check(mapping, columns, dataset)
    except MappingError as error:
        raise UnmappedColumnsError(str(error), field_errors(mapping, columns, dataset)) from None


def field_errors(mapping: Mapping[str, Any], columns: list[str], dataset: Dataset = SALES) -> list[FieldError]:
    """What is wrong with each field of a mapping by itself."""
    missing = [
        FieldError(f"mapping.{field.name}", f"no column is chosen for {field.label}")
        for field in dataset.fields
        if field.required and not mapping.get(field.name)
    ]
    return missing + [error for name, rule in mapping.items() for error in _rule_errors(name, rule, columns, dataset)]


def _rule_errors(name: str, rule: Any, columns: list[str], dataset: Dataset) -> list[FieldError]:
    where = f"mapping.{name}"
    if name not in dataset.by_name:
        return [FieldError(where, "there is no such field")]
    try:
        found = rules({name: rule}, dataset)
    except MappingError as error:
        return [FieldError(where, str(error).rstrip("."))]
    absent = [column for one in found.values() for column in one.columns if column not in columns]
    return [FieldError(where, f"the file has no column {column!r}") for column in absent]


def checked_policy(policy: Mapping[str, Any] | None, dataset: Dataset) -> dict[str, Any] | None:
    """A policy as it is kept; raises PolicyError, naming the key, where it is wrong."""
    return None if policy is None else Policy.from_dict(policy, dataset).to_dict()


def named_source(session: Session, name: str, dataset: str = "") -> Source:
    """The source of that name; raises InvalidRequestError where there is none, or one of another data set."""
    found = session.scalar(sa.select(Source).where(Source.name == name))
    if found is None:
        raise InvalidRequestError([FieldError("source", f"there is no source {name!r}")])
    if dataset not in ("", found.dataset):
        raise InvalidRequestError([FieldError("source", f"the source {name!r} gives {found.dataset}, not {dataset}")])
    return found


def _described(session: Session, file: IO[bytes], filename: str, options: UploadOptions) -> tuple[Import, list[str]]:
    """An import for a file, not yet stored and not yet added to a session; and the file's columns."""
    source = named_source(session, options.source, options.dataset) if options.source else None
    dataset = get_dataset(source.dataset if source else options.dataset or SALES.name)
    policy = checked_policy(options.policy, dataset)
    name = file_name(filename)
    sample = inspect(file, name, {"sheet": options.sheet} if options.sheet else None)
    known = dict(source.mapping) if source and source.mapping else fields.guess(sample.columns, sample.rows, dataset)
    row = Import(filename=name, dataset=dataset.name, state="uploaded")
    row.mapping = merge_mapping(known, options.mapping or {})
    row.source_id = source.id if source else None
    row.policy = policy if policy is not None else (source.policy or None) if source else None
    row.dialect = {**sample.dialect, "columns": sample.columns, **_sheets(sample)}
    return row, sample.columns


def _sheets(sample: FileSample) -> dict[str, Any]:
    return {"sheets": list(sample.sheets)} if sample.sheets else {}


def _kept(
    session: Session, store: ArtifactStore, file: IO[bytes], row: Import, user: str, *, commit: bool = True
) -> Import:
    """Store the file of an import and add the import."""
    suffix = f".{row.dialect.get('format', 'csv')}" + (".gz" if row.filename.endswith(".gz") else "")
    file.seek(0)
    row.artifact, row.sha256, row.size = store.put_file(FOLDER, file, suffix)
    row.created_by = user
    session.add(row)
    session.flush()
    audit.record(session, "upload", "import", row.id, after={"filename": row.filename, "dataset": row.dataset})
    if commit:
        session.commit()
    return row


def file_name(sent: str) -> str:
    """The name of an upload without folders and without characters that hide or mislead (control, direction)."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:250].strip() or "upload.csv"


def queue_import(
    session: Session,
    row: Import,
    mapping: dict[str, Any],
    policy: dict[str, Any] | None,
    user: str,
    *,
    dry_run: bool = False,
) -> JobRun:
    """Mark the import as queued and add its job; leaves the commit to the caller.

    The conditional UPDATE lets one of two simultaneous starts win. A dry run leaves the state as it is.
    """
    state = {} if dry_run else {"state": "queued", "error": None}
    won = session.execute(
        sa.update(Import)
        .where(Import.id == row.id, Import.state.in_(STARTABLE))
        .values(mapping=mapping, policy=policy, **state)
    )
    if won.rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError(f"import {row.id} was started already; it is {row.state}.")
    key = f"{job_dedupe_prefix(row.id)}{job_number(session, row.id)}"
    arguments = {"import_id": row.id, **({"dry_run": True} if dry_run else {})}
    job = request_job(session, "ingest", arguments, requested_by=user, dedupe_key=key)
    audit.record(session, "start", "import", row.id, after={"job_id": job.id, "dry_run": dry_run, "mapping": mapping})
    return job
