"""What taking an import back would change, for who is about to do it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.pipelines.effects import Effects, effects
from webapp.queries.imports import check_loaded, get_import


def import_effects(session: Session, import_id: int) -> tuple[Import, Effects]:
    """An import and what would happen if it were taken back now.

    Raises NotFoundError, and ConflictError where nothing is loaded.
    """
    row = get_import(session, import_id)
    check_loaded(row)
    return row, effects(session, row)
