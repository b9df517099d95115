"""How far a source was read, and what its rows looked like: kept with the rows, in the commit that publishes them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import, Source
from ml.errors import ConflictError


def check_newest(session: Session, record: Import) -> None:
    """Raise ConflictError for rows that were pulled and left, where later ones of their source are loaded by now: older
    rows must not replace newer ones, nor move the watermark back."""
    if record.source_id is None or record.pulled_by is None:
        return
    later = sa.select(Import.id).where(
        Import.source_id == record.source_id,
        Import.pulled_by.is_not(None),
        Import.id > record.id,
        Import.state == "loaded",
    )
    if (newer := session.scalar(later.limit(1))) is not None:
        raise ConflictError(
            f"import {record.id} was fetched before import {newer} of the same source, which is loaded already, so its "
            "rows may be out of date; pull the source again instead."
        )


def advance_source(session: Session, record: Import) -> None:
    """Move the watermark of the source that an import was pulled from; the caller commits.

    A source that was changed after the fetch may have its rows elsewhere: there it stays, and they are fetched again.
    """
    if record.source_id is None or record.pulled_by is None:
        return
    source = session.get(Source, record.source_id, populate_existing=True)
    if source is not None and source.updated_at <= record.created_at:
        source.watermark = record.watermark
        source.settings = {**source.settings, **record.dialect.get("learned", {})}
