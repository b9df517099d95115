"""What is computed of all sales, kept by this process until the totals change.

Each import, each undone one and each refresh of the totals records an event in its own transaction, which names the
state of the totals. What is kept for longer than that is forgotten in the order in which it was last asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.sales import SalesRaw
from ml.grains import DAILY, Coverage, Grain, newest_load, read_coverage
from webapp.queries.scope import UNSCOPED
from worker.events import AggregatesRefreshed
from worker.models import OutboxEvent

MOST = 512
STATE = "which state the totals are in is no figure of a place"

Found = TypeVar("Found")

_kept: WeakKeyDictionary[sa.Engine, OrderedDict[Hashable, Any]] = WeakKeyDictionary()
_lock = Lock()


def remembered(session: Session, key: Hashable, compute: Callable[[], Found]) -> Found:
    """What `compute` gives, or gave under an equal key on this database; the key names the state of what it reads."""
    engine = session.get_bind().engine
    with _lock:
        kept = _kept.setdefault(engine, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            found: Found = kept[key]
            return found
    found = compute()
    with _lock:
        kept[key] = found
        while len(kept) > MOST:
            kept.popitem(last=False)
    return found


def totals_version(session: Session) -> Hashable:
    """Another one whenever the totals of sales have changed: two looks at the ends of indexes."""
    refreshed = sa.select(sa.func.max(OutboxEvent.id)).where(OutboxEvent.name == AggregatesRefreshed.__name__)
    newest = sa.select(sa.func.max(SalesRaw.id))
    both = sa.select(refreshed.scalar_subquery(), newest.scalar_subquery())
    return tuple(session.execute(both.execution_options(**{UNSCOPED: STATE})).one())


def known_coverage(session: Session, grain: Grain) -> Coverage | None:
    """What span of time the sales cover."""
    loaded = newest_load(session) if grain is DAILY else None
    key = ("coverage", grain.name, totals_version(session), loaded)
    return remembered(session, key, lambda: read_coverage(session, grain))
