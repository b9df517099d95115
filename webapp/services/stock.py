"""Advice as people decide on it: changed, dismissed, or accepted, which makes purchase orders of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import in_lists, lock_for_writing
from ml.db.catalog import Product
from ml.db.inventory import PurchaseOrder
from ml.db.restock import OPEN_ADVICE, Recommendation
from ml.errors import ConflictError, NotFoundError
from ml.etl.record_tables import record_key
from webapp.errors import FieldError, InvalidRequestError
from webapp.services.planned_days import too_far
from worker.events import OrdersAccepted, record

MOST_UNITS = 1e9
LONGEST_COMMENT = 500


@dataclass(frozen=True)
class Edit:
    """What a person changes of advice; None leaves a part as it is. `version` is the one that they saw."""

    quantity: float | None = None
    order_on: date | None = None
    comment: str = ""
    version: int | None = None


def accept(session: Session, versions: Mapping[int, int | None], user: str) -> list[str]:
    """Make purchase orders of advice, one for each supplier, place and day; commits. Returns their numbers.

    `versions` are those that the person saw, by id (None: whatever). All or nothing: raises NotFoundError, and
    ConflictError where one was decided or changed meanwhile.
    """
    made = order(session, hold(session, versions), user)
    session.commit()
    return made


def order(session: Session, rows: Sequence[Recommendation], user: str) -> list[str]:
    """Make purchase orders of advice that is held; the numbers of the orders."""
    made: list[str] = []
    codes = product_codes(session, rows)
    for (supplier, area, order_on), lines in groupby(sorted(rows, key=order_of), key=lambda row: order_of(row)[:3]):
        mine = list(lines)
        made.append(f"FC-{order_on:%Y%m%d}-{min(row.id for row in mine)}")
        for number, row in enumerate(mine, 1):
            session.add(purchase_line(row, made[-1], str(number), codes[row.product_id], (supplier, area, order_on)))
            settle(row, "accepted", user)
            row.order_ref = made[-1]
    audit.record(session, "accept", "recommendation", rows[0].id, after={"orders": made, "lines": len(rows)})
    record(session, OrdersAccepted(made, len(rows), user))
    return made


def edit(session: Session, advice_id: int, change: Edit, user: str) -> Recommendation:
    """Change the quantity or the day of advice; commits. Plans to come keep what a person said.

    Raises NotFoundError, ConflictError and InvalidRequestError.
    """
    check_edit(change)
    (row,) = hold(session, {advice_id: change.version})
    before = {"quantity": row.quantity, "order_on": row.order_on.isoformat()}
    apply(row, change, user)
    after = {"quantity": row.quantity, "order_on": row.order_on.isoformat(), "comment": row.comment}
    audit.record(session, "edit", "recommendation", row.id, before=before, after=after)
    session.commit()
    return row


def dismiss(session: Session, ids: Iterable[int], comment: str, user: str) -> int:
    """Say no to advice, for a week unless it becomes more pressing; commits. Raises as `accept` does."""
    check_edit(Edit(comment=comment))
    rows = hold(session, dict.fromkeys(ids))
    for row in rows:
        refuse(row, comment, user)
    audit.record(session, "dismiss", "recommendation", rows[0].id, after={"lines": len(rows), "comment": comment})
    session.commit()
    return len(rows)


def refuse(row: Recommendation, comment: str, user: str) -> None:
    """Dismiss advice that is held."""
    settle(row, "dismissed", user)
    row.comment = comment.strip()


def hold(session: Session, versions: Mapping[int, int | None]) -> list[Recommendation]:
    """The advice with these ids, locked; raises NotFoundError, and ConflictError where one cannot be decided."""
    if not versions:
        raise InvalidRequestError([FieldError("ids", "expected at least one recommendation")])
    lock_for_writing(session, Recommendation)
    found: list[Recommendation] = []
    for some in in_lists(sorted(versions)):
        found += session.scalars(sa.select(Recommendation).where(Recommendation.id.in_(some)))
    if missing := set(versions) - {row.id for row in found}:
        raise NotFoundError(f"there is no recommendation {min(missing)}.")
    for row in found:
        check_open(row, versions[row.id])
    return found


def check_open(row: Recommendation, version: int | None) -> None:
    """Raise ConflictError where advice was decided, or says something else than the person saw."""
    if row.state not in OPEN_ADVICE:
        raise ConflictError(f"recommendation {row.id} is {row.state}; there is nothing to decide.")
    if version is not None and version != row.version:
        raise ConflictError(
            f"recommendation {row.id} has changed: it is of version {row.version} now, you saw {version}. Look again."
        )


def check_edit(change: Edit) -> None:
    """Raise InvalidRequestError for what advice cannot say."""
    errors = too_far(order_on=change.order_on)
    if change.quantity is not None and not 0 < change.quantity <= MOST_UNITS:
        errors.append(FieldError("quantity", f"expected more than 0 and at most {MOST_UNITS:,.0f} units"))
    if len(change.comment.strip()) > LONGEST_COMMENT:
        errors.append(FieldError("comment", f"expected at most {LONGEST_COMMENT} characters"))
    if errors:
        raise InvalidRequestError(errors)


def apply(row: Recommendation, change: Edit, user: str) -> None:
    """Let advice say what a person wants; with another day it arrives as much later."""
    if change.quantity is not None:
        row.quantity = change.quantity
        row.value = round(change.quantity * (row.unit_cost or 0.0), 2)
    if change.order_on is not None:
        row.arrives_on = row.arrives_on + (change.order_on - row.order_on)
        row.order_on = change.order_on
    row.state, row.comment = "edited", change.comment.strip()
    row.decided_by, row.decided_at, row.version = user, utc_now(), row.version + 1


def settle(row: Recommendation, state: str, user: str) -> None:
    """Decide advice for good."""
    row.state, row.slot, row.version = state, None, row.version + 1
    row.decided_by, row.decided_at = user, utc_now()


def order_of(row: Recommendation) -> tuple[Any, ...]:
    """The order that a line belongs to, and its place there."""
    return row.supplier, row.area, row.order_on, row.product_id


def product_codes(session: Session, rows: Sequence[Recommendation]) -> dict[int, str]:
    """The codes of the products of advice."""
    found: dict[int, str] = {}
    for some in in_lists(sorted({row.product_id for row in rows})):
        rows_of = session.execute(sa.select(Product.id, Product.code).where(Product.id.in_(some)))
        found |= {row.id: row.code for row in rows_of}
    return found


def purchase_line(
    row: Recommendation, order_ref: str, line_ref: str, code: str, order: tuple[str, str, date]
) -> PurchaseOrder:
    """A line as if it had been imported, under the same natural key: a later import of the order replaces it."""
    named = {"order_ref": order_ref, "line_ref": line_ref, "product_code": code}
    supplier, area, order_on = order
    return PurchaseOrder(
        key=record_key("purchase_orders", named), order_ref=order_ref, line_ref=line_ref, supplier=supplier, area=area,
        product_id=row.product_id, ordered_on=order_on, expected_on=row.arrives_on, qty_ordered=row.quantity,
        unit_cost=row.unit_cost, status="open",
    )  # fmt: skip
