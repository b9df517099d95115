"""Erasing what is known of a customer as a person."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db import audit
from ml.db.bulk import lock_for_writing
from ml.db.catalog import Customer
from ml.pipelines.erase import EraseResult, erase_customer
from webapp.queries.customers import get_customer


def erase(session: Session, store: ArtifactStore, named: str) -> EraseResult:
    """Make a customer anonymous, by id or code; commits. The log notes that it was done, and to which id.

    Raises NotFoundError, and ConflictError where `named` is the id of one and the code of another.
    """
    lock_for_writing(session, Customer)
    result = erase_customer(session, store, get_customer(session, named))
    audit.record(session, "erase", "customer", result.customer_id)
    session.commit()
    return result
