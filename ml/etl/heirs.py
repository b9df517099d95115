"""Whose a row of sales would be if the import that owns it went. SQL alone: the web process counts with it, too."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ml.db.bulk import table_of
from ml.db.imports import Import
from ml.db.sales import SalesRaw, SalesRepeat, SalesSuperseded

RAW, OLD = table_of(SalesRaw), table_of(SalesSuperseded)


def heirs(record: Import, table: sa.Table) -> sa.Select[Any]:
    """Versions of an import in `table` that other imports hold too: `row_key`, and the `sequence` of the next one."""
    holder = aliased(Import)
    return (
        sa.select(table.c.row_key, sa.func.min(holder.sequence).label("sequence"))
        .join_from(table, SalesRepeat, SalesRepeat.row_key == table.c.row_key)
        .join(holder, holder.id == SalesRepeat.import_id)
        .where(table.c.import_id == record.id, *_holds(record, table, holder))
        .group_by(table.c.row_key)
    )


def is_held(record: Import, table: sa.Table) -> sa.Exists:
    """Whether a version of an import in `table` has an heir: a condition for queries of that table."""
    holder = aliased(Import)
    query = sa.select(sa.literal(1)).join_from(SalesRepeat, holder, holder.id == SalesRepeat.import_id)
    return query.where(SalesRepeat.row_key == table.c.row_key, *_holds(record, table, holder)).correlate(table).exists()


def _holds(record: Import, table: sa.Table, holder: Any) -> list[sa.ColumnElement[bool]]:
    """That `holder` had the same version after an import and, where another content followed, before that."""
    same = sa.or_(SalesRepeat.content_key.is_(None), SalesRepeat.content_key == table.c.content_key)
    later = [same, holder.dataset == "sales", holder.id != record.id, holder.sequence > record.sequence]
    if table is OLD:
        successor = sa.select(Import.sequence).where(Import.id == OLD.c.replaced_by).correlate(OLD)
        later.append(holder.sequence < successor.scalar_subquery())
    return later
