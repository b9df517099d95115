"""Reads of imports: the list, one import, a sample of its file, and the rows kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, RejectedRow
from ml.errors import NotFoundError
from ml.etl import rejected
from ml.etl.sources.files import FileSample, inspect
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first
from worker.models import JobRun

MEMORY = 1 << 20  # bytes of a download that are kept out of temporary files
PIECE = 1 << 16  # characters
PUSH_KEY = "push_key"
"""Where `Import.dialect` keeps the hash of the idempotency key that a push came with."""


def list_imports(session: Session, limit: int = DEFAULT_LIMIT, below: int | None = None) -> Page[Import]:
    """Imports, newest first."""
    return newest_first(session, sa.select(Import), Import.id, limit, below)


def get_import(session: Session, import_id: int) -> Import:
    """One import; raises NotFoundError."""
    found = session.get(Import, import_id)
    if found is None:
        raise NotFoundError(f"there is no import {import_id}.")
    return found


def sample(store: ArtifactStore, row: Import) -> FileSample:
    """The columns and first rows of an import's file."""
    with store.open(row.artifact) as file:
        return inspect(file, row.filename)


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
