"""Rows that a system pushes: kept as a file of JSON lines, then loaded as any other import."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import in_lists
from ml.db.imports import Import, Source
from ml.db.keys import hash_key, normalise
from ml.db.sales import SalesRaw
from ml.etl.datasets import Dataset
from webapp.errors import FieldError, InvalidRequestError, ReusedKeyError
from webapp.queries.imports import PUSH_KEY, job_dedupe_prefix, push_dedupe_key
from webapp.queries.scope import UNSCOPED, Scope, current_scope
from webapp.services.imports import FOLDER
from worker.models import JobRun
from worker.queues import request_job

MOST_ERRORS = 100


def push_rows(
    session: Session,
    store: ArtifactStore,
    dataset: Dataset,
    rows: Sequence[Mapping[str, Any]],
    user: str,
    *,
    source: Source | None = None,
    key: str | None = None,
) -> JobRun:
    """Keep checked rows (JSON values by field name) and ask for the job that loads them; commits both at once.

    The same rows under the same `key` of the same user give the job of the first time,
    whatever became of it; other rows raise ReusedKeyError.
    """
    check_places(session, rows, source)
    content, columns = json_lines(dataset, rows)
    hashed = hash_of(user, dataset, key) if key else ""
    row = Import(dataset=dataset.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content), created_by=user)
    row.source_id, row.policy = (source.id, source.policy or None) if source else (None, None)
    if hashed and (earlier := job_of_key(session, hashed)):
        return same_push(session, earlier, row)
    row.artifact, _, _ = store.put_file(FOLDER, io.BytesIO(content), ".jsonl")
    row.filename = f"push-{utc_now():%Y%m%d-%H%M%S}-{row.sha256[:8]}.jsonl"
    row.dialect = {"format": "jsonl", "encoding": "utf-8", "delimiter": "", "columns": columns}
    if hashed:
        row.dialect = {**row.dialect, PUSH_KEY: hashed}
    row.mapping, row.state = {column: column for column in columns}, "queued"
    session.add(row)
    session.flush()
    dedupe_key = push_dedupe_key(hashed) if hashed else f"{job_dedupe_prefix(row.id)}1"
    job = request_job(session, "ingest", {"import_id": row.id}, requested_by=user, dedupe_key=dedupe_key)
    if job.arguments["import_id"] != row.id:  # another request with this key was first by a moment
        session.rollback()
        return same_push(session, session.get_one(JobRun, job.id), row)
    audit.record(
        session, "push", "import", row.id, after={"dataset": dataset.name, "rows": len(rows), "job_id": job.id}
    )
    session.commit()
    return job


def check_places(session: Session, rows: Sequence[Mapping[str, Any]], source: Source | None) -> None:
    """Raise InvalidRequestError where a limited caller pushes sales of a place outside, or would replace some."""
    scope = current_scope()
    if scope is None:
        return
    outside = [
        number
        for number, row in enumerate(rows)
        if not scope.covers(row.get("region") or "", row.get("territory") or "")
    ]
    lines = {row["line_ref"]: number for number, row in enumerate(rows) if row.get("line_ref")}
    taken = lines_outside(session, scope, list(lines), source)
    errors = [FieldError(f"rows.{number}.region", "you may not write sales of this place") for number in outside]
    errors += [FieldError(f"rows.{lines[line]}.line_ref", "this line is a sale of another place") for line in taken]
    if errors:
        raise InvalidRequestError(errors[:MOST_ERRORS])


def lines_outside(session: Session, scope: Scope, lines: Sequence[str], source: Source | None) -> list[str]:
    """Those of the line ids that are sales outside already."""
    by_key = {hash_key("line", str(source.id) if source else "", normalise(line)): line for line in lines}
    found: list[str] = []
    for keys in in_lists(list(by_key)):
        query = sa.select(SalesRaw.row_key).where(SalesRaw.row_key.in_(keys), sa.not_(scope.inside(SalesRaw)))
        why = {UNSCOPED: "looks for rows outside, to refuse that they are replaced"}
        found += [by_key[key] for key in session.scalars(query, execution_options=why)]
    return found


def json_lines(dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, list[str]]:
    """The rows as JSON lines, each with all fields that any of them gives; and these fields."""
    given = {name for row in rows for name, value in row.items() if value is not None}
    columns = [field.name for field in dataset.fields if field.name in given]
    lines = (
        json.dumps({column: row.get(column) for column in columns}, ensure_ascii=False, separators=(",", ":"))
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines).encode(), columns


def hash_of(user: str, dataset: Dataset, key: str) -> str:
    """What is kept of an idempotency key; each user and data set has keys of its own."""
    return hashlib.sha256("\x1f".join((user, dataset.name, key)).encode("utf-8", "surrogatepass")).hexdigest()


def job_of_key(session: Session, hashed: str) -> JobRun | None:
    """The job that a key was used for before."""
    return session.scalar(sa.select(JobRun).where(JobRun.dedupe_key == push_dedupe_key(hashed)))


def same_push(session: Session, job: JobRun, row: Import) -> JobRun:
    """The job of an earlier push with the same key; raises ReusedKeyError where that one was another push."""
    earlier = session.get_one(Import, job.arguments["import_id"])
    if (earlier.sha256, earlier.source_id) != (row.sha256, row.source_id):
        raise ReusedKeyError(
            f"this Idempotency-Key was used for other rows before (import {earlier.id}, job {job.id}); "
            "send new rows under a new key."
        )
    return job
