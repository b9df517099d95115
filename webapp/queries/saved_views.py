"""Reads of saved views: one's own, and those that others share."""

from __future__ import annotations

from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import SavedView
from webapp.queries.scope import current_scope

MOST_SHARED = 50


def list_views(session: Session, user_id: int | None, page: str) -> list[SavedView]:
    """The views of a page that a person may choose from: all of one's own, then some that others share, each by name.

    A limited person is offered shared views of places that they may see, or of no place.
    """
    query = sa.select(SavedView).where(SavedView.page == page).order_by(SavedView.name, SavedView.id)
    mine = session.scalars(query.where(SavedView.user_id == user_id)).all()
    shared = session.scalars(query.where(SavedView.user_id != user_id, SavedView.shared.is_(True))).all()
    return [*mine, *islice(filter(may_see, shared), MOST_SHARED)]


def may_see(view: SavedView) -> bool:
    """Whether all of the place that a view names may be seen by the caller."""
    scope, region = current_scope(), view.filters.get("region", "")
    named = any(view.filters.get(name) for name in ("q", "territory", "area"))
    return scope is None or (scope.covers(region, view.filters.get("territory", "")) if region else not named)
