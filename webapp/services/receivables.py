"""Writes of receivables: what was done to collect, what is in the bank, and planned cash."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import lock_for_writing
from ml.db.receivables import ACTION_KINDS, CashItem, CashPosition, CollectionAction, Invoice
from ml.errors import ConflictError, NotFoundError
from ml.etl.record_store import forget_versions
from ml.etl.record_tables import record_key
from webapp.errors import FieldError, InvalidRequestError
from webapp.services.planned_days import too_far
from worker.models import JobRun
from worker.queues import request_job


@dataclass(frozen=True)
class ActionDraft:
    """What was done for an invoice; `promised_on` is of a promise."""

    kind: str
    day: date
    promised_on: date | None = None
    note: str = ""


@dataclass(frozen=True)
class PositionDraft:
    """What was in the bank in the morning of a day, and the least that has to stay there."""

    currency: str
    day: date
    balance: float
    minimum: float = 0.0


@dataclass(frozen=True)
class ItemDraft:
    """Planned cash; what goes out is negative."""

    item_ref: str
    day: date
    amount: float
    kind: str = ""
    name: str = ""
    currency: str = ""


def add_action(session: Session, invoice: Invoice, draft: ActionDraft, user: str) -> CollectionAction:
    """Note what was done; the next run of predictions knows it. Raises InvalidRequestError. Commits."""
    errors = too_far(day=draft.day, promised_on=draft.promised_on)
    if draft.kind not in ACTION_KINDS:
        errors.append(FieldError("kind", f"expected one of {', '.join(ACTION_KINDS)}"))
    if (draft.kind == "promise") != (draft.promised_on is not None):
        errors.append(FieldError("promised_on", "a promise needs the day that was promised, nothing else has one"))
    if draft.promised_on is not None and draft.promised_on < draft.day:
        errors.append(FieldError("promised_on", "expected a day that is not before that of the promise"))
    if draft.day < invoice.issued_on:
        errors.append(FieldError("day", f"the invoice was issued later, on {invoice.issued_on}"))
    if errors:
        raise InvalidRequestError(errors)
    row = CollectionAction(
        invoice_key=invoice.key, invoice_ref=invoice.invoice_ref, customer_id=invoice.customer_id, made_by=user,
        **asdict(draft),
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, "create", "collection_action", row.id, after={"invoice": invoice.invoice_ref, "kind": row.kind}
    )
    session.commit()
    return row


def delete_action(session: Session, invoice: Invoice, action_id: int) -> None:
    """Take back what was noted of an invoice by mistake; raises NotFoundError. Commits."""
    row = session.get(CollectionAction, action_id)
    if row is None or row.invoice_key != invoice.key:
        raise NotFoundError(f"invoice {invoice.invoice_ref!r} has no action {action_id}.")
    audit.record(session, "delete", "collection_action", row.id, before={"invoice": row.invoice_ref, "kind": row.kind})
    session.delete(row)
    session.commit()


def set_position(session: Session, draft: PositionDraft, user: str) -> CashPosition:
    """Say what was in the bank in the morning of a day. Commits."""
    lock_for_writing(session, CashPosition)
    row = session.scalars(sa.select(CashPosition).where(CashPosition.currency == draft.currency)).one_or_none()
    if row is None:
        row = CashPosition(**asdict(draft))
        session.add(row)
    row.day, row.balance, row.minimum = draft.day, draft.balance, draft.minimum
    row.set_by, row.set_at = user, utc_now()
    session.flush()
    after = {"day": draft.day.isoformat(), "balance": draft.balance, "minimum": draft.minimum}
    audit.record(session, "update", "cash_position", draft.currency or "-", after=after)
    ask_for_run(session, user)
    session.commit()
    return row


def add_item(session: Session, draft: ItemDraft, user: str) -> CashItem:
    """Plan cash by hand; raises ConflictError where the number is taken. Commits."""
    key = record_key("cash_items", {"item_ref": draft.item_ref})
    lock_for_writing(session, CashItem)
    if session.scalar(sa.select(CashItem.id).where(CashItem.key == key)) is not None:
        raise ConflictError(f"there is planned cash {draft.item_ref!r} already; give another number.")
    row = CashItem(key=key, **asdict(draft))
    session.add(row)
    forget_versions(session, "cash_items", key)
    session.flush()
    audit.record(session, "create", "cash_item", row.id, after={"item_ref": row.item_ref, "amount": row.amount})
    ask_for_run(session, user)
    session.commit()
    return row


def delete_item(session: Session, item_id: int, user: str) -> None:
    """Planned cash that will not move; raises NotFoundError. Commits."""
    row = session.get(CashItem, item_id)
    if row is None:
        raise NotFoundError(f"there is no planned cash {item_id}.")
    forget_versions(session, "cash_items", row.key)
    audit.record(session, "delete", "cash_item", row.id, before={"item_ref": row.item_ref, "amount": float(row.amount)})
    session.delete(row)
    ask_for_run(session, user)
    session.commit()


def ask_for_run(session: Session, user: str) -> None:
    """Cash is forecast anew, unless that waits already; the caller commits."""
    waiting = sa.select(JobRun.id).where(JobRun.state == "queued", JobRun.kind == "collect").limit(1)
    if session.scalar(waiting) is None:
        request_job(session, "collect", {}, requested_by=user)
