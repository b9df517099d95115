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

from ml.db.results import ForecastRun
from ml.db.sales import SalesRaw
from ml.grains import DAILY, Coverage, Grain, newest_load, read_coverage
from webapp.queries.scope import UNSCOPED
from worker.events import (
    AggregatesRefreshed,
    Event,
    ForecastExtended,
    ForecastOverridden,
    ProductMoved,
    RecordsImported,
)
from worker.models import OutboxEvent

MOST = 512
STATE = "which state the totals are in is no figure of a place"

Found = TypeVar("Found")
Look = sa.ScalarSelect[Any]

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


def newest(session: Session, name: Hashable, state: Hashable, compute: Callable[[], Found]) -> Found:
    """The same for what is large: of all states, which are no part of its name, the last alone is kept."""
    box: list[tuple[Hashable, Found]] = remembered(session, name, list)
    for known, found in box:
        if known == state:
            return found
    made = compute()
    box[:] = [(state, made)]
    return made


def totals_version(session: Session) -> Hashable:
    """Another one whenever the totals of sales have changed: two looks at the ends of indexes."""
    return state(session, TOTALS)


def forecast_version(session: Session, grain: Grain) -> Hashable:
    """Another one whenever the published forecasts of a grain, the sales before them, or the groups of products have
    changed."""
    published = sa.select(ForecastRun.id).where(ForecastRun.slot == grain.name).scalar_subquery()
    return state(session, (*TOTALS, published, *MOVES))


def last_event(kind: type[Event]) -> Look:
    return sa.select(sa.func.max(OutboxEvent.id)).where(OutboxEvent.name == kind.__name__).scalar_subquery()


TOTALS = (last_event(AggregatesRefreshed), sa.select(sa.func.max(SalesRaw.id)).scalar_subquery())
UNORDERED = sa.select(sa.func.max(OutboxEvent.handled_at)).where(
    OutboxEvent.name.in_([ForecastExtended.__name__, ProductMoved.__name__])
)
"""No lock makes these wait for each other: of two, the one with the lower number may commit last."""
MOVES = (
    *(last_event(kind) for kind in (ForecastExtended, ForecastOverridden, ProductMoved, RecordsImported)),
    UNORDERED.scalar_subquery(),
)


def state(session: Session, looks: tuple[Look, ...]) -> Hashable:
    """What is at the ends of some indexes."""
    return tuple(session.execute(sa.select(*looks).execution_options(**{UNSCOPED: STATE})).one())


def known_coverage(session: Session, grain: Grain) -> Coverage | None:
    """What span of time the sales cover."""
    loaded = newest_load(session) if grain is DAILY else None
    key = ("coverage", grain.name, totals_version(session), loaded)
    return remembered(session, key, lambda: read_coverage(session, grain))
