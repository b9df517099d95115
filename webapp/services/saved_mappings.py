"""A mapping that is kept under a name for the next files of its kind: a source of uploaded files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.imports import Import, Source
from ml.errors import ConflictError
from ml.etl.datasets import get_dataset
from webapp.errors import FieldError, InvalidRequestError
from webapp.queries.imports import get_import
from webapp.services.imports import STARTABLE, check_mapping, checked_policy, merge_mapping

LONGEST = 120


def save_mapping(
    session: Session,
    import_id: int,
    name: str,
    mapping: Mapping[str, Any],
    user: str,
    *,
    policy: Mapping[str, Any] | None = None,
) -> Source:
    """Save what fills the fields, and what is refused, under `name`; the import then comes from there. Commits.

    A mapping of that name for the same data set is replaced. Raises InvalidRequestError without a name,
    ConflictError where the name is taken by another kind of source, UnmappedColumnsError and PolicyError.
    """
    row = get_import(session, import_id)
    name, dataset = name.strip(), get_dataset(row.dataset)
    if not 0 < len(name) <= LONGEST:
        raise InvalidRequestError([FieldError("save_as", f"give the mapping a name of at most {LONGEST} characters")])
    chosen = merge_mapping({}, mapping)
    check_mapping(chosen, row.dialect["columns"], dataset)
    source = session.scalar(sa.select(Source).where(Source.name == name))
    if source is None:
        source = Source(name=name, kind="file", dataset=dataset.name, created_by=user)
        session.add(source)
    elif (source.kind, source.dataset) != ("file", dataset.name):
        raise ConflictError(f"{name!r} is the name of a source of another kind; choose another one.")
    source.mapping, source.policy = chosen, checked_policy(policy, dataset) or {}
    source.updated_at = utc_now()
    session.flush()
    kept = {"mapping": chosen, "policy": source.policy or None, "source_id": source.id}
    session.execute(sa.update(Import).where(Import.id == row.id, Import.state.in_(STARTABLE)).values(**kept))
    audit.record(session, "save_mapping", "source", source.id, after={"name": name, "mapping": chosen})
    session.commit()
    return source
