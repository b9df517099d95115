"""Rules of stock as people set them: for a product, a category or a class of volume, in an area or everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import lock_for_writing
from ml.db.keys import hash_key, normalise
from ml.db.profiles import VOLUME_CLASSES
from ml.db.restock import StockPolicy
from ml.errors import ConfigurationError, NotFoundError
from ml.inventory.rules import Rules
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.products import get_product

LONGEST = 120


@dataclass(frozen=True)
class Part:
    """Which items a rule is for; '' is every one. `product` is a code or an id."""

    area: str = ""
    category: str = ""
    volume_class: str = ""
    product: str = ""


def set_rules(session: Session, part: Part, given: Mapping[str, Any], user: str) -> StockPolicy:
    """Make or replace the rule of a part; commits. It counts from the next plan on.

    Raises InvalidRequestError naming what is wrong, NotFoundError and ConflictError for the product.
    """
    rules = read_rules(part, given)
    names = {"area": normalise(part.area), "category": normalise(part.category), "volume_class": part.volume_class}
    product_id = get_product(session, part.product).id if part.product else None
    key = hash_key("policy", *names.values(), product_id)
    lock_for_writing(session, StockPolicy)
    row = session.scalar(sa.select(StockPolicy).where(StockPolicy.key == key))
    before = None if row is None else row.rules
    if row is None:
        row = StockPolicy(key=key, **names, product_id=product_id)
        session.add(row)
    row.rules, row.updated_by, row.updated_at = asdict(rules), user, utc_now()
    session.flush()
    audit.record(session, "update" if before else "create", "stock_policy", row.id, before=before, after=row.rules)
    session.commit()
    return row


def read_rules(part: Part, given: Mapping[str, Any]) -> Rules:
    """The rules; raises InvalidRequestError for what is none, and for a part that cannot be."""
    errors = [
        FieldError(name, f"expected at most {LONGEST} characters")
        for name in ("area", "category")
        if len(getattr(part, name)) > LONGEST
    ]
    if part.volume_class and part.volume_class not in VOLUME_CLASSES:
        errors.append(FieldError("volume_class", f"expected one of {', '.join(VOLUME_CLASSES)}"))
    if part.product and (part.category or part.volume_class):
        errors.append(FieldError("product", "a product has its category and class already; leave these out"))
    try:
        rules = Rules.from_dict(dict(given))
    except ConfigurationError as error:
        raise InvalidRequestError([*errors, FieldError("rules", str(error))]) from None
    if errors:
        raise InvalidRequestError(errors)
    return rules


def remove_rules(session: Session, policy_id: int) -> None:
    """Remove a rule; commits. Raises NotFoundError."""
    lock_for_writing(session, StockPolicy)
    row = session.get(StockPolicy, policy_id)
    if row is None:
        raise NotFoundError(f"there is no stock policy {policy_id}.")
    audit.record(session, "delete", "stock_policy", row.id, before=row.rules)
    session.delete(row)
    session.commit()
