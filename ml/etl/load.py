"""A checked file on its way into `sales_raw` and the aggregates: all of it in one transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, insert_select, lock_for_writing, move_missing, scratch_table, table_of
from ml.db.catalog import Series
from ml.db.imports import RejectedRow
from ml.db.sales import SalesRaw, SalesRepeat, SalesSuperseded
from ml.etl.catalog import disagreements, ensure_customers, ensure_leaves, ensure_products
from ml.etl.check import CheckedFile
from ml.etl.deltas import Deltas
from ml.etl.record_history import note_described
from ml.etl.rejections import Rejecting
from ml.progress import Progress, silent

SALES = table_of(SalesRaw)
INCOMING = {
    "position": sa.Integer(),
    **{name: SALES.c[name].type for name in ("row_key", "content_key", "sale_date", "sales_amount", "sales_qty")},
    **{name: SALES.c[name].type for name in ("channel", "order_ref", "customer_id", "series_id")},
}
"""The columns of a chunk on its way in: what the series of a row says is joined to it."""

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Ids:
    """What the positions in a checked file's rows stand for in the database, as arrays to index."""

    customer: Values
    """Ids, and a null at the end, which position -1 finds."""
    series: Values


def resolve(session: Session, checked: CheckedFile) -> Ids:
    """Find or make the products, customers and series of a file; the caller commits.

    Products that are known under another name or category keep it; the file's conflicts then list both.
    """
    products = ensure_products(session, checked.products)
    checked.report(disagreements(checked.products, products))
    note_described(session, "products", checked.products)
    customers = ensure_customers(session, checked.customers)
    note_described(session, "customers", checked.customers)
    series = ensure_leaves(session, checked.leaves, products)
    return Ids(np.array([*customers, None], dtype=object), np.array(series, dtype=np.int64))


def clear(session: Session, import_id: int) -> None:
    """Forget what an earlier attempt rejected; the caller commits."""
    session.execute(sa.delete(RejectedRow).where(RejectedRow.import_id == import_id))


def reject(session: Session, import_id: int, checked: Rejecting) -> None:
    """Store the rejected rows of a file, committing each chunk."""
    for batch in checked.rejections.read():
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        columns["row"] = [json.loads(row) for row in columns["row"]]
        insert_rows(session, RejectedRow, {"import_id": [import_id] * batch.num_rows, **columns})
        session.commit()


@dataclass
class Published:
    """What a publication did: rows that are in `sales_raw` now, and those among them that replaced another."""

    loaded: int = 0
    changed: int = 0


def publish(session: Session, import_id: int, checked: CheckedFile, ids: Ids, progress: Progress = silent) -> Published:
    """Write the good rows of a file into `sales_raw` and move the aggregates by them, in one transaction.

    A row that is there already is noted in `sales_repeats`; where the line of a source comes with another content,
    the earlier one moves to `sales_superseded`. The caller commits.
    """
    lock_for_writing(session, SalesRaw)
    done, deltas = Published(), Deltas(session)
    with scratch_table(session, "sales_incoming", INCOMING, key=("position",)) as incoming:
        writer = _Writer(session, import_id, incoming, deltas, done)
        for batch in checked.rows.read():
            writer.write(batch, ids)
            progress("publishing", writer.rows, checked.rows.rows)
    progress("summing up", 0, 1)
    deltas.apply()
    return done


@dataclass
class _Writer:
    """Writes chunks of one import."""

    session: Session
    import_id: int
    incoming: sa.Table
    deltas: Deltas
    done: Published
    rows: int = 0

    def write(self, batch: Any, ids: Ids) -> None:
        """One chunk of a checked file."""
        self.rows += batch.num_rows
        batch = _last_of_each_line(batch)
        self.session.execute(sa.delete(self.incoming))
        insert_rows(self.session, self.incoming, _columns(batch, ids))
        if batch.column("content_key").null_count < batch.num_rows:
            self._forget_own()
            self._supersede()
        new = move_missing(self.session, SalesRaw, self._named(), "row_key")
        known = new < batch.num_rows
        if known:
            self._note_repeats()
        self.done.loaded += new
        rows = self._new_positions() if known else slice(None)
        columns = (batch.column(name).to_numpy(zero_copy_only=False)[rows] for name in ("sales_amount", "sales_qty"))
        days = batch.column("sale_date").cast(pa.int32()).to_numpy()[rows]
        self.deltas.add(ids.series[batch.column("leaf").to_numpy()[rows]], days, *columns)

    def _named(self) -> sa.Subquery:
        """The chunk with what its series says."""
        series = (Series.region, Series.territory, Series.area, Series.product_id)
        mine = (column for column in self.incoming.c if column.name != "position")
        query = sa.select(*mine, *series, sa.literal(self.import_id, sa.Integer()).label("import_id"))
        return query.join_from(self.incoming, Series, Series.id == self.incoming.c.series_id).subquery()

    def _met(self) -> sa.Join:
        return sa.join(self.incoming, SALES, self.incoming.c.row_key == SALES.c.row_key)

    def _new_positions(self) -> Any:
        query = sa.select(self.incoming.c.position).select_from(self._met()).where(SALES.c.import_id == self.import_id)
        return np.sort(np.array(self.session.scalars(query).all(), dtype=np.int64))

    def _note_repeats(self) -> None:
        """Keep which rows were there already, and were another import's."""
        columns = (sa.literal(self.import_id, sa.Integer()), self.incoming.c.row_key, self.incoming.c.content_key)
        query = sa.select(*columns).select_from(self._met()).where(SALES.c.import_id != self.import_id)
        insert_select(self.session, SalesRepeat, ["import_id", "row_key", "content_key"], query)

    def _forget_own(self) -> None:
        """Lines that an earlier chunk of the same file held: the last one of a file counts."""
        mine = sa.select(SALES.c.id).select_from(self._met()).where(SALES.c.import_id == self.import_id)
        self.done.loaded -= self._remove(mine)
        keys = sa.select(self.incoming.c.row_key)
        repeats = (SalesRepeat.import_id == self.import_id, SalesRepeat.row_key.in_(keys))
        self.session.execute(sa.delete(SalesRepeat).where(*repeats).execution_options(synchronize_session=False))

    def _supersede(self) -> None:
        """Move lines that come with another content out of the way."""
        other = SALES.c.content_key != self.incoming.c.content_key
        changed = sa.select(SALES.c.id).select_from(self._met()).where(other)
        names = [column.name for column in SALES.c if column.name != "id"]
        kept = sa.select(*(SALES.c[name] for name in names), sa.literal(self.import_id, sa.Integer()))
        insert_select(self.session, SalesSuperseded, [*names, "replaced_by"], kept.where(SALES.c.id.in_(changed)))
        self.done.changed += self._remove(changed)

    def _remove(self, ids: sa.Select[Any]) -> int:
        self.deltas.add_sums(sums_of(SALES, SALES.c.id.in_(ids)), sign=-1)
        return remove(self.session, SalesRaw, SALES.c.id.in_(ids))


def sums_of(table: sa.Table, *where: Any) -> sa.Select[Any]:
    """Sums of sales rows by series and day, as `Deltas.add_sums` takes them."""
    sums = (sa.func.sum(table.c.sales_amount), sa.func.sum(table.c.sales_qty), sa.func.count())
    return (
        sa.select(table.c.series_id, table.c.sale_date, *sums)
        .where(*where)
        .group_by(table.c.series_id, table.c.sale_date)
    )


def remove(session: Session, entity: Any, *where: Any) -> int:
    """DELETE rows; returns how many."""
    result = session.execute(sa.delete(entity).where(*where).execution_options(synchronize_session=False))
    return int(getattr(result, "rowcount", 0))


def _last_of_each_line(batch: Any) -> Any:
    """The chunk without rows whose line comes again in it; rows without line ids all differ in their keys."""
    if batch.column("content_key").null_count == batch.num_rows:
        return batch
    last = {key: row for row, key in enumerate(batch.column("row_key").to_pylist())}
    return batch if len(last) == batch.num_rows else batch.take(pa.array(sorted(last.values())))


def _columns(batch: Any, ids: Ids) -> dict[str, list[Any]]:
    """A spooled chunk as columns of the incoming rows."""
    same = [name for name in INCOMING if name in batch.schema.names and batch.column(name).null_count < batch.num_rows]
    return {
        "position": list(range(batch.num_rows)),
        # Whole arrays become Python values several times faster by way of numpy.
        **{name: batch.column(name).to_numpy(zero_copy_only=False).tolist() for name in same},
        "customer_id": ids.customer[batch.column("customer").to_numpy()].tolist(),
        "series_id": ids.series[batch.column("leaf").to_numpy()].tolist(),
    }
