"""What the tests of records share: files of a data set loaded, and what the tables then hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, RecordVersion
from ml.etl.datasets import DATASETS
from ml.etl.mapping import guess
from ml.etl.record_tables import RECORD_TABLES
from ml.etl.sources.files import inspect
from ml.pipelines.ingest import load_import


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a CSV file."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def import_of(session: Session, store: ArtifactStore, dataset: str, content: bytes, mapping: Any = None) -> Import:
    """An import of a file that waits to be loaded, under a guessed mapping or the given one."""
    sample = inspect(io.BytesIO(content), "records.csv")
    path, checksum, size = store.put_file("uploads", io.BytesIO(content), ".csv")
    record = Import(
        dataset=dataset,
        filename="records.csv",
        artifact=path,
        sha256=checksum,
        size=size,
        dialect=sample.dialect,
        mapping=mapping or guess(sample.columns, sample.rows, DATASETS[dataset]),
        state="queued",
    )
    session.add(record)
    session.commit()
    return record


def load_rows(
    session: Session, store: ArtifactStore, dataset: str, rows: Sequence[Mapping[str, Any]], mapping: Any = None
) -> Import:
    """Load rows whose columns are called as the fields are; commits."""
    named = mapping or {name: name for name in rows[0]}
    record = import_of(session, store, dataset, csv_of(rows), named)
    load_import(session, store, record.id)
    session.commit()
    return record


def dump(session: Session, dataset: str) -> list[dict[str, Any]]:
    """All records of a data set by their fields, with the import that wrote them last."""
    target = RECORD_TABLES[dataset]
    query = target.select().order_by(target.table.c.key)
    return [{name: row[name] for name in (*target.columns, "import_id")} for row in session.execute(query).mappings()]


def versions(session: Session) -> int:
    """How many replaced records are kept."""
    return session.scalar(sa.select(sa.func.count()).select_from(RecordVersion)) or 0
