"""Reads of imports: the list, one import, a sample of its file, and the rows kept aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, RejectedRow, Source
from ml.errors import ConflictError, NotFoundError
from ml.etl import rejected
from ml.etl.sources.files import FileSample, inspect
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker.models import JobRun

MEMORY = 1 << 20  # bytes of a download that are kept out of temporary files
PIECE = 1 << 16  # characters
PUSH_KEY = "push_key"
"""Where `Import.dialect` keeps the hash of the idempotency key that a push came with."""


def list_imports(
    session: Session,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
    *,
    state: str | None = None,
    dataset: str | None = None,
    source_id: int | None = None,
) -> Page[Import]:
    """Imports, newest first."""
    wanted = {Import.state: state, Import.dataset: dataset, Import.source_id: source_id}
    query = sa.select(Import).where(*(column == value for column, value in wanted.items() if value is not None))
    return newest_first(session, query, Import.id, limit, below)


def get_import(session: Session, import_id: int) -> Import:
    """One import; raises NotFoundError."""
    found = session.get(Import, import_id)
    if found is None:
        raise NotFoundError(f"there is no import {import_id}.")
    return found


def sample(store: ArtifactStore, row: Import) -> FileSample:
    """The columns and first rows of an import's file; raises ConflictError where that is gone."""
    with store.open(artifact_of(row)) as file:
        return inspect(file, row.filename, row.dialect)


def artifact_of(row: Import) -> str:
    """Where the file of an import is stored; raises ConflictError once its retention time is over."""
    if row.artifact_deleted_at is not None:
        raise ConflictError(
            f"the file of import {row.id} was deleted on {row.artifact_deleted_at:%Y-%m-%d}, after the time "
            "that files are kept; upload it again."
        )
    return row.artifact


def check_loaded(row: Import) -> None:
    """Raise ConflictError unless the import can be taken back."""
    if row.state != "loaded":
        raise ConflictError(f"import {row.id} is {row.state}; only one that is loaded can be taken back.")


def source_names(session: Session, rows: Iterable[Import]) -> dict[int, str]:
    """The names of the sources that imports came from."""
    ids = {row.source_id for row in rows if row.source_id is not None}
    return dict(session.execute(sa.select(Source.id, Source.name).where(Source.id.in_(ids))).all()) if ids else {}


def job_dedupe_prefix(import_id: int) -> str:
    """What the dedupe keys of an import's jobs begin with."""
    return f"import:{import_id}:"


def push_dedupe_key(hashed: str) -> str:
    """The dedupe key of the job of a push that came with an idempotency key, given the hash of that."""
    return f"push:{hashed}"


def jobs_of_import(session: Session, import_id: int) -> list[int]:
    """The ids of the jobs that fetched, loaded or took back an import, or tried to; newest first."""
    row = session.get(Import, import_id)
    mine: list[sa.ColumnElement[bool]] = [JobRun.dedupe_key.like(job_dedupe_prefix(import_id) + "%")]
    if row is not None and PUSH_KEY in row.dialect:
        mine.append(JobRun.dedupe_key == push_dedupe_key(row.dialect[PUSH_KEY]))
    if row is not None and row.pulled_by is not None:
        mine.append(JobRun.id == row.pulled_by)
    return list(session.scalars(sa.select(JobRun.id).where(sa.or_(*mine)).order_by(JobRun.id.desc())))


def job_number(session: Session, import_id: int) -> int:
    """The number of an import's next job."""
    return len(jobs_of_import(session, import_id)) + 1


def rejected_rows(session: Session, import_id: int, limit: int = DEFAULT_LIMIT) -> list[RejectedRow]:
    """The first rows that were not loaded, in the order of the file."""
    query = (
        sa.select(RejectedRow)
        .where(RejectedRow.import_id == import_id)
        .order_by(RejectedRow.row_number, RejectedRow.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def rejected_csv(session: Session, row: Import) -> Iterator[str]:
    """All rejected rows as CSV text, piece by piece, to be corrected and sent again.

    They are read at once and kept aside: a slow reader must not hold a transaction open,
    nor read on in a session that ended with its request.
    """
    file = SpooledTemporaryFile(MEMORY, "w+", encoding="utf-8", newline="")  # noqa: SIM115  (`pieces` closes it)
    file.writelines(rejected.rejected_csv(session, row.id))
    session.commit()
    file.seek(0)
    return pieces(file)


def pieces(file: SpooledTemporaryFile[str]) -> Iterator[str]:
    """The text of a file, which is gone afterwards."""
    with file:
        while piece := file.read(PIECE):
            yield piece
