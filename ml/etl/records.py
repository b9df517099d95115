"""Checked records on their way into the tables of their data set, and back out of them when an import is taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, lock_for_writing
from ml.db.imports import Import, RecordVersion
from ml.etl.record_check import CheckedRecords
from ml.etl.record_history import note_described, take_back
from ml.etl.record_store import (
    Ids,
    Written,
    insert_records,
    insert_versions,
    move_categories,
    read_records,
    remove_records,
    resolve,
    update_records,
)
from ml.etl.record_tables import RECORD_TABLES, RecordTable, settlement_key, tables_of
from ml.progress import Progress, silent

__all__ = ["LoadedRecords", "load", "take_back"]


@dataclass
class LoadedRecords:
    """What a load did, in records: new ones, changed ones, and those that were there already as they are."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    @property
    def loaded(self) -> int:
        """New and changed ones together."""
        return self.new + self.changed


@dataclass
class _Writer:
    """Writes records of one import into one table."""

    session: Session
    target: RecordTable
    import_id: int
    names: Sequence[str]
    """The fields that the import fills."""
    ids: Ids
    done: LoadedRecords = field(default_factory=LoadedRecords)
    may_exist: bool = True

    def write(self, keys: Sequence[bytes], records: Sequence[Mapping[str, Any]]) -> None:
        """Insert records that are new, update those that are not, and keep how these were before."""
        known = read_records(self.session, self.target, keys) if self.may_exist else {}
        self._insert([(key, record) for key, record in zip(keys, records, strict=True) if key not in known])
        self._update(known, [(key, record) for key, record in zip(keys, records, strict=True) if key in known])

    def remove(self, keys: Sequence[bytes]) -> None:
        """Delete records, and keep how they were; that those are gone which other imports had is kept, too."""
        known = read_records(self.session, self.target, keys) if self.may_exist else {}
        gone = [key for key in keys if key not in known and key in self._versioned(keys)]
        touched = [*known, *gone]
        insert_versions(self.session, self.target, self.import_id, touched, [known.get(key) for key in touched])
        remove_records(self.session, self.target, [row.id for row in known.values()])

    def _insert(self, new: Sequence[tuple[bytes, Mapping[str, Any]]]) -> None:
        written: list[Written] = [(key, self.target.complete(record), self.import_id) for key, record in new]
        insert_records(self.session, self.target, written, self.ids)
        self.done.new += len(new)

    def _update(self, known: Mapping[bytes, Any], given: Sequence[tuple[bytes, Mapping[str, Any]]]) -> None:
        before = [known[key] for key, _ in given]
        insert_versions(self.session, self.target, self.import_id, [key for key, _ in given], before)
        same: list[Written] = []
        other: list[Written] = []
        for (key, record), row in zip(given, before, strict=True):
            kept = row._mapping
            alike = all(kept[name] == record[name] for name in self.names)
            (same if alike else other).append((key, record, self.import_id))
        update_records(self.session, self.target, same, self.ids, ())
        update_records(self.session, self.target, other, self.ids, self.names)
        if {"category", "subcategory"} & set(self.names):
            move_categories(self.session, self.target, [key for key, _, _ in other])
        self.done.changed += len(other)
        self.done.unchanged += len(same)

    def _versioned(self, keys: Sequence[bytes]) -> set[bytes]:
        found: set[bytes] = set()
        for some in in_lists(keys):
            mine = (RecordVersion.dataset == self.target.dataset, RecordVersion.key.in_(some))
            found |= set(self.session.scalars(sa.select(RecordVersion.key).where(*mine)))
        return found


def load(session: Session, record: Import, checked: CheckedRecords, progress: Progress = silent) -> LoadedRecords:
    """Insert or update the records of a checked file by their natural keys, all in one transaction.

    Fields that the file does not map keep their values, empty cells of mapped ones clear them. Products and
    customers that are referred to and unknown are made. The caller commits.
    """
    target = RECORD_TABLES[record.dataset]
    for table in tables_of(record.dataset):
        lock_for_writing(session, table.entity)
    progress("matching codes", 0, checked.rows.rows)
    ids = resolve(session, target, checked.codes)
    if customers := [item for item in checked.codes.get("customer_code", ()) if item.name]:
        note_described(session, "customers", customers)
    writer = _writer(session, target, record.id, checked.fields, ids)
    payments = _writer(session, RECORD_TABLES["payments"], record.id, list(RECORD_TABLES["payments"].columns), {})
    settles, done = "settled_on" in checked.fields, 0
    for keys, records in checked.read():
        writer.write(keys, records)
        if settles:
            _settle(payments, records)
        done += len(keys)
        progress("loading", done, checked.rows.rows)
    return writer.done


def _writer(session: Session, target: RecordTable, import_id: int, fields: Sequence[str], ids: Ids) -> _Writer:
    names = [name for name in fields if name in target.columns]
    some = session.scalar(sa.select(target.table.c.id).order_by(target.table.c.id).limit(1))
    return _Writer(session, target, import_id, names, ids, may_exist=some is not None)


def _settle(payments: _Writer, invoices: Sequence[Mapping[str, Any]]) -> None:
    """A day of settlement is a payment over the whole amount; without one there is none, or no longer one."""
    paid = [invoice for invoice in invoices if invoice["settled_on"] is not None]
    open_ones = [settlement_key(invoice["invoice_ref"]) for invoice in invoices if invoice["settled_on"] is None]
    records = [
        {
            "payment_ref": "",
            "invoice_ref": invoice["invoice_ref"],
            "paid_on": invoice["settled_on"],
            "amount": invoice["amount"],
        }
        for invoice in paid
    ]
    payments.write([settlement_key(invoice["invoice_ref"]) for invoice in paid], records)
    payments.remove(open_ones)
