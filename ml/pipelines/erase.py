"""A customer as a person: what is known of them goes, what they bought stays, without a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.audit import AuditEntry
from ml.db.base import utc_now
from ml.db.catalog import Customer
from ml.db.imports import Import, RecordVersion, RejectedRow
from ml.db.keys import hash_key
from ml.db.receivables import CollectionAction, Invoice
from ml.db.sales import SalesRaw, SalesSuperseded
from ml.db.types import LongText

CUSTOMERS = "customers"


@dataclass(frozen=True)
class EraseResult:
    """What was erased: the new code; how many files, rejected rows, older versions, notes and entries of the log."""

    customer_id: int
    code: str
    files: int
    rejected_rows: int
    versions: int
    notes: int
    log_entries: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def erase_customer(session: Session, store: ArtifactStore, customer: Customer) -> EraseResult:
    """Make a customer anonymous; the caller commits.

    Sales, invoices and payments stay, since totals and forecasts rest on them, under a code that says nothing. The
    name, the terms and the limit go, with what was noted of the customer, rows that were rejected, older versions, what
    the audit log kept, and the uploaded files from which any of it came. Files go before the rows say so: killed in
    between and run again, it does what is left.
    """
    code, name, key = customer.code, customer.name, customer.key
    files = delete_files(session, store, customer)
    rejected = count(session, rejected_rows(code, name))
    versions = count(session, sa.delete(RecordVersion).where(
        RecordVersion.dataset == CUSTOMERS, RecordVersion.key == key))  # fmt: skip
    noted = (CollectionAction.customer_id == customer.id, CollectionAction.note != "")
    notes = count(session, sa.update(CollectionAction).where(*noted).values(note=""))
    about = (AuditEntry.entity == "customer", AuditEntry.entity_id == str(customer.id))
    entries = count(session, sa.update(AuditEntry).where(*about).values(before=None, after=None))
    customer.code = f"erased-{customer.id}"
    customer.key = hash_key(customer.code)
    customer.name = ""
    customer.payment_terms_days = customer.credit_limit = customer.import_id = None
    session.flush()
    return EraseResult(customer.id, customer.code, files, rejected, versions, notes, entries)


def delete_files(session: Session, store: ArtifactStore, customer: Customer) -> int:
    """Delete the files of the imports that the customer came with; returns how many."""
    imports = set(imports_of(session, customer))
    rows = session.scalars(sa.select(Import).where(Import.id.in_(imports))).all() if imports else []
    shared = {row.artifact for row in rows if row.artifact_deleted_at is None}
    for path in shared:
        store.delete(path)
        same = (Import.artifact == path, Import.artifact_deleted_at.is_(None))
        session.execute(sa.update(Import).where(*same).values(artifact_deleted_at=utc_now()))
    return len(shared)


def imports_of(session: Session, customer: Customer) -> Iterator[int]:
    """The imports that hold rows of the customer, or held them."""
    if customer.import_id is not None:
        yield customer.import_id
    for entity in (SalesRaw, SalesSuperseded, Invoice):
        found = sa.select(entity.import_id).where(entity.customer_id == customer.id).distinct()
        yield from (import_id for import_id in session.scalars(found) if import_id is not None)
    older = (RecordVersion.dataset == CUSTOMERS, RecordVersion.key == customer.key)
    for written_by, replaced_by in session.execute(
        sa.select(RecordVersion.import_id, RecordVersion.replaced_by).where(*older)
    ):
        yield from (import_id for import_id in (written_by, replaced_by) if import_id is not None)


def rejected_rows(code: str, name: str) -> sa.Delete:
    """Deletes the rejected rows that mention the customer; one too many does no harm, since they can be sent again."""
    text = sa.type_coerce(RejectedRow.row, LongText)
    said = [text.contains(json.dumps(part, ensure_ascii=False), autoescape=True) for part in (code, name) if part]
    return sa.delete(RejectedRow).where(sa.or_(*said))


def count(session: Session, statement: sa.Update | sa.Delete) -> int:
    """Execute a statement; how many rows it changed."""
    found = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("sa.CursorResult[Any]", found).rowcount
