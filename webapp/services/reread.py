"""An uploaded file that is to be read otherwise: as another data set, or another sheet of it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db import audit
from ml.db.imports import Import
from ml.errors import ConflictError
from ml.etl import mapping as fields
from ml.etl.datasets import get_dataset
from ml.etl.sources.files import inspect
from webapp.queries.imports import artifact_of, get_import
from webapp.services.imports import STARTABLE, merge_mapping, named_source


def reread_import(
    session: Session, store: ArtifactStore, import_id: int, *, dataset: str, sheet: str = "", source: str = ""
) -> Import:
    """Read the file anew, with a mapping guessed for it, or that of the saved `source`; commits.

    Raises NotFoundError, SourceError, InvalidRequestError for an unknown source, and
    ConflictError where the import was started already or its file is gone.
    """
    row = get_import(session, import_id)
    saved = named_source(session, source) if source else None
    wanted = get_dataset(saved.dataset if saved else dataset)
    with store.open(artifact_of(row)) as file:
        sample = inspect(file, row.filename, {"sheet": sheet} if sheet else None)
    known = dict(saved.mapping) if saved else fields.guess(sample.columns, sample.rows, wanted)
    dialect = {**row.dialect, **sample.dialect, "columns": sample.columns}
    changed = session.execute(
        sa.update(Import)
        .where(Import.id == row.id, Import.state.in_(STARTABLE))
        .values(
            dataset=wanted.name,
            dialect=dialect,
            mapping=merge_mapping({}, known),
            source_id=saved.id if saved else None,
            policy=(saved.policy or None) if saved else None,
            report=None,
        )
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise ConflictError(f"import {row.id} was started already; it is {row.state}.")
    audit.record(session, "reread", "import", row.id, after={"dataset": wanted.name, "sheet": sheet, "source": source})
    session.commit()
    return row
