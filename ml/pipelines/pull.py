"""Pull: the rows of a source, fetched whole into a stored file first, then loaded (or tried) like any other import."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import, Source
from ml.errors import ConflictError, MappingError, NotFoundError
from ml.etl.datasets import SALES, get_dataset
from ml.etl.rules import rules
from ml.etl.sources import json_rows, pulled
from ml.etl.sources.chunk_file import write_chunks
from ml.etl.sources.chunks import Connection, Reading, Watermark
from ml.pipelines.dry_run import dry_run as try_import
from ml.pipelines.ingest import IngestResult, load_import, mark_failed
from ml.progress import Progress, silent
from ml.secrets import decrypt
from ml.settings import Settings

FOLDER = "uploads"
UNFINISHED = ("queued", "running")


@dataclass(frozen=True)
class PullResult:
    """What a pull brought, and up to where the source is read now.

    Where there was nothing (new) to fetch, no import was made, and neither `loaded` nor `tried` holds anything. `tried`
    is what a dry run found: the report of its import, with `import_id`.
    """

    source_id: int
    rows_fetched: int
    watermark: str | None
    loaded: IngestResult | None = None
    tried: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON values only; the members of the import's result beside those of the pull."""
        own = {"source_id": self.source_id, "rows_fetched": self.rows_fetched, "watermark": self.watermark}
        return {**(self.loaded.as_dict() if self.loaded else self.tried or {}), **own}


def pull_source(
    session: Session,
    store: ArtifactStore,
    settings: Settings,
    source_id: int,
    *,
    job_id: int,
    progress: Progress = silent,
    full: bool = False,
    dry_run: bool = False,
    requested_by: str = "",
) -> PullResult:
    """Fetch what is new in a source, or with `full` everything, and load it; the caller commits the last step.

    The fetch ends in a stored file and an import, which `job_id` finds again: killed after that, the next
    attempt loads what was fetched. The source's watermark moves with the rows, in the caller's commit; a fetch that
    fails leaves nothing behind. With `dry_run` the import is only checked, and waits to be loaded as an upload does.

    Raises NotFoundError, ConflictError (switched off), UpstreamError, SourceError (settings, query), ShapeError, and
    what `load_import` raises; then call `mark_failed`.
    """
    source = session.get(Source, source_id)
    if source is None:
        raise NotFoundError(f"there is no source {source_id}; it may have been deleted.")
    if not source.active:
        raise ConflictError(f"{source.name} is switched off; switch it on, then pull it.")
    fetched = session.scalars(sa.select(Import).where(Import.pulled_by == job_id)).first()
    rows = fetched.dialect["rows"] if fetched else 0
    if fetched is None:
        connection, start = _connection(source, settings), None if full else _start(source)
        session.commit()  # the other side may be slow; no transaction waits for it
        with tempfile.TemporaryFile() as file:
            reading = Reading()
            rows, columns = write_chunks(pulled.read(connection, start, reading), file, progress)
            if rows:
                notes = json_rows.compare(source.settings.get("shape", {}), reading.shape, _used(source))
                fetched = _new_import(store, source, file, {"columns": columns, "rows": rows, "notes": notes}, reading)
                fetched.state = "uploaded" if dry_run else "queued"
        if fetched is None or (not full and _is_known(session, fetched)):
            return PullResult(source_id, rows, source.watermark)
        fetched.pulled_by, fetched.created_by = job_id, requested_by
        session.add(fetched)
        session.commit()
    if dry_run:
        tried = {"import_id": fetched.id, **try_import(session, store, fetched.id, progress)}
        return PullResult(source_id, rows, source.watermark, tried=tried)
    result = load_import(session, store, fetched.id, progress)
    return PullResult(source_id, rows, fetched.watermark, result)


def mark_pull_failed(session: Session, source_id: int, message: str) -> None:
    """Note at what the pull of a source had fetched, and did not load, why it failed; the caller commits."""
    unfinished = sa.select(Import.id).where(
        Import.source_id == source_id, Import.pulled_by.is_not(None), Import.state.in_(UNFINISHED)
    )
    for import_id in session.scalars(unfinished).all():
        mark_failed(session, import_id, message)


def _connection(source: Source, settings: Settings) -> Connection:
    if source.kind == "file":
        raise ConflictError(f"{source.name} is a source of uploaded files; there is nothing to pull. Upload a file.")
    if not _mapping(source):
        raise MappingError(f"{source.name} has no mapping yet. Look at its preview, correct the mapping and save it.")
    return Connection(source.kind, source.settings, decrypt(settings.secret_keys, source.secret), settings)


def _mapping(source: Source) -> Mapping[str, Any]:
    """What a person chose, or what comes with the extract."""
    ready: Mapping[str, Any] = source.mapping or pulled.ready_mapping(source.kind, source.settings)
    return ready


def _start(source: Source) -> Watermark | None:
    """Where to read on.

    Sales without line ids are told apart by their content and by how many equal ones a day has. So days must come
    whole, and rows that changed later cannot be told from new ones: only the day of the sale itself will do then.
    """
    column = pulled.watermark_column(source.kind, source.settings)
    mark = pulled.stored_watermark(source.watermark, source.settings)
    if source.dataset != SALES.name or not column or "line_ref" in _mapping(source):
        return mark
    if rules({"sale_date": _mapping(source)["sale_date"]}, SALES)["sale_date"].columns != (column,):
        raise MappingError(
            f"{source.name} is read on from {column!r}, so its sales need a Line id: without one, a row that comes "
            "again cannot be told from an equal one. Map Line id, or read on from the column of the sale's date."
        )
    return mark.floored() if mark else None


def _used(source: Source) -> set[str]:
    """The columns that something is mapped to."""
    return {column for rule in rules(_mapping(source), get_dataset(source.dataset)).values() for column in rule.columns}


def _new_import(
    store: ArtifactStore, source: Source, file: IO[bytes], dialect: dict[str, Any], reading: Reading
) -> Import:
    """The stored file as an import, not yet added to a session."""
    artifact, sha256, size = store.put_file(FOLDER, file, ".parquet")
    mark = reading.watermark
    learned = {
        **({"shape": {**source.settings.get("shape", {}), **reading.shape}} if reading.shape else {}),
        **({"watermark_kind": mark.kind} if mark else {}),
    }
    return Import(
        dataset=source.dataset,
        source_id=source.id,
        filename=f"{source.name[:200]} {utc_now():%Y-%m-%d %H:%M}.parquet",
        artifact=artifact,
        sha256=sha256,
        size=size,
        dialect={"format": "parquet", **dialect, "learned": learned},
        mapping=dict(_mapping(source)),
        policy=source.policy or None,
        watermark=mark.text if mark else None,
    )


def _is_known(session: Session, fetched: Import) -> bool:
    """Whether what was loaded last from the source are the very same rows: those at the watermark come again each time.

    What was only tried, or failed, changed nothing.
    """
    loaded = sa.select(Import).where(Import.source_id == fetched.source_id, Import.sequence.is_not(None))
    last = session.scalars(loaded.order_by(Import.sequence.desc()).limit(1)).first()
    return (
        last is not None
        and last.state == "loaded"
        and (last.sha256, last.mapping, last.policy) == (fetched.sha256, fetched.mapping, fetched.policy)
    )
