"""Views are saved under a name, shared, and deleted by their owners."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.errors import DataError, NotFoundError
from webapp.models import SavedView

LONGEST_NAME = 80


def save_view(
    session: Session, user_id: int, page: str, name: str, filters: Mapping[str, str], *, shared: bool
) -> SavedView:
    """Keep the filters of a page; under a name that the person has used for it, in the place of those; commits.

    Raises DataError for a name that is empty or too long.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise DataError(f"the name of a view has 1 to {LONGEST_NAME} characters; this one has {len(name)}.")
    mine = sa.select(SavedView).where(SavedView.user_id == user_id, SavedView.page == page, SavedView.name == name)
    view = session.scalar(mine)
    if view is None:
        view = SavedView(user_id=user_id, page=page, name=name)
        session.add(view)
    view.filters, view.shared = dict(filters), shared
    session.flush()
    audit.record(session, "save", "saved_view", view.id, after={"name": name, "shared": shared})
    session.commit()
    return view


def delete_view(session: Session, user_id: int, view_id: int) -> None:
    """Forget a view of one's own; commits. Raises NotFoundError for others' views, too."""
    view = session.scalar(sa.select(SavedView).where(SavedView.id == view_id, SavedView.user_id == user_id))
    if view is None:
        raise NotFoundError(f"there is no view {view_id} of yours; only its owner deletes a view.")
    audit.record(session, "delete", "saved_view", view.id, before={"name": view.name, "shared": view.shared})
    session.delete(view)
    session.commit()
