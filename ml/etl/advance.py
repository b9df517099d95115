"""How far a source was read, and what its rows looked like: kept with the rows, in the commit that publishes them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ml.db.imports import Import, Source


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
