"""Reads of saved views: one's own, and those that others share."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import SavedView
from webapp.queries.scope import current_scope

MOST = 50


def list_views(session: Session, user_id: int | None, page: str) -> Sequence[SavedView]:
    """The views of a page that a person may choose from, by name; to a limited one, of shared views those of places
    that they may see, or of no place."""
    mine_or_shared = sa.or_(SavedView.user_id == user_id, SavedView.shared.is_(True))
    query = sa.select(SavedView).where(SavedView.page == page, mine_or_shared)
    found = session.scalars(query.order_by(SavedView.name, SavedView.id).limit(MOST)).all()
    return [view for view in found if view.user_id == user_id or may_see(view)]


def may_see(view: SavedView) -> bool:
    """Whether all of the place that a view names may be seen by the caller."""
    scope, region = current_scope(), view.filters.get("region", "")
    named = any(view.filters.get(name) for name in ("q", "territory", "area"))
    return scope is None or (scope.covers(region, view.filters.get("territory", "")) if region else not named)
