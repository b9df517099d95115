"""The run of `collect` that readers see, and the customers whom its rows name."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists
from ml.db.catalog import Customer
from ml.db.receivables import CollectRun
from webapp.errors import NoForecastError
from webapp.queries.scope import current_scope

NO_RUN = "Payments have not been predicted yet. Import invoices and payments, or run a job of the kind `collect`."


def find_run(session: Session) -> CollectRun | None:
    """The run that readers see."""
    return session.scalars(sa.select(CollectRun).where(CollectRun.slot.is_not(None))).one_or_none()


def published_run(session: Session) -> CollectRun:
    """The run that readers see; raises NoForecastError where there is none."""
    run = find_run(session)
    if run is None:
        raise NoForecastError(NO_RUN)
    return run


def notes_of(run: CollectRun) -> list[str]:
    """What was unusual in all invoices and payments, counted, such as `3 credit notes`; nothing for limited callers."""
    if current_scope() is not None:
        return []
    counts = {name: count for name, count in (run.notes or {}).items() if isinstance(count, int)}
    if counts.get("currencies", 0) < 2:
        counts.pop("currencies", None)
    return [f"{count:,} {name}" for name, count in counts.items() if count]


def customers_of(session: Session, ids: Iterable[int]) -> dict[int, Customer]:
    """Customers by id."""
    found: dict[int, Customer] = {}
    for some in in_lists(sorted(set(ids))):
        found |= {row.id: row for row in session.scalars(sa.select(Customer).where(Customer.id.in_(some)))}
    return found
