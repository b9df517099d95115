"""Where the records of each data set but sales are kept: tables, columns, keys, and how a record is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from ml.db.bulk import table_of
from ml.db.catalog import Customer, Product
from ml.db.drivers import Event, Regressor
from ml.db.inventory import JobOrder, Place, PurchaseOrder, StockLevel, Supplier, SupplierProduct
from ml.db.keys import hash_key
from ml.db.receivables import CashItem, Invoice, Payment
from ml.etl.datasets import DATASETS, Field

Record = dict[str, Any]
"""A record by the names of its fields. References are business codes, so that it outlives the rows it refers to."""

REFERENCES = {"product_code": ("product_id", Product), "customer_code": ("customer_id", Customer)}
ELSEWHERE = {"invoices": ("customer_name", "settled_on")}
"""Fields that are kept with the customer, and as a payment."""

SETTLEMENT = "settled"
"""What the key of a payment begins with that an invoice's day of settlement made."""


@dataclass(frozen=True)
class RecordTable:
    """The table of a data set. `columns` names the column of each field, `references` the fields that hold codes."""

    dataset: str
    entity: Any
    columns: Mapping[str, str]
    references: tuple[str, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)

    @property
    def table(self) -> sa.Table:
        """The table itself."""
        return table_of(self.entity)

    @property
    def is_catalog(self) -> bool:
        """Whether other tables refer to its rows."""
        return self.entity in (Product, Customer)

    def select(self) -> sa.Select[Any]:
        """All rows with `id`, `key`, `import_id`, and their fields under the fields' names."""
        table, joined = self.table, sa.select(self.table.c.id, self.table.c.key, self.table.c.import_id)
        columns: list[Any] = []
        source: Any = table
        for name, column in self.columns.items():
            if name in self.references:
                known = table_of(REFERENCES[name][1])
                source = source.outerjoin(known, known.c.id == table.c[column])
                columns.append(sa.func.coalesce(known.c.code, sa.literal_column("''")).label(name))
            else:
                columns.append(table.c[column].label(name))
        return joined.add_columns(*columns).select_from(source)

    def complete(self, record: Mapping[str, Any]) -> Record:
        """A record with every field: what is left out is empty, an event's last day is its first."""
        whole = {name: record.get(name, empty(self.fields[name])) for name in self.columns}
        if self.dataset == "events":
            whole["ends_on"] = whole["ends_on"] or whole["starts_on"]
        return whole

    def encode(self, record: Mapping[str, Any]) -> Record:
        """A record as JSON values."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name in self.columns
            for value in (record[name],)
        }

    def decode(self, record: Mapping[str, Any]) -> Record:
        """What `encode` wrote, with dates as such."""
        return {
            name: date.fromisoformat(value) if value is not None and self.fields[name].kind == "date" else value
            for name, value in record.items()
            if name in self.columns
        }


def empty(kept: Field) -> Any:
    """What a cell without a value means."""
    return "" if kept.kind == "text" else None


def record_key(dataset: str, record: Mapping[str, Any], number: int = 0) -> bytes:
    """The natural key of a record, from its key fields; absent ones are empty.

    `number` counts the equal payments before it that have no number of their own. A line of an order is told by
    its number, and by its product where it has none.
    """
    if dataset == "payments":
        return _payment_key(record, number)
    names = DATASETS[dataset].key
    if "line_ref" in names and record.get("line_ref"):
        names = tuple(name for name in names if name != "product_code")
    return hash_key(*(record.get(name) for name in names))


def settlement_key(invoice_ref: str) -> bytes:
    """The key of the payment that an invoice's day of settlement makes."""
    return hash_key(SETTLEMENT, invoice_ref)


def _payment_key(record: Mapping[str, Any], number: int) -> bytes:
    if record.get("payment_ref"):
        return hash_key("payment", record["payment_ref"], record["invoice_ref"])
    return hash_key("payment", "", record["invoice_ref"], record["paid_on"], number)


def _table(dataset: str, entity: Any, renamed: Mapping[str, str] | None = None) -> RecordTable:
    fields = DATASETS[dataset].by_name
    columns = {name: name for name in fields if name not in ELSEWHERE.get(dataset, ())} | dict(renamed or {})
    references = () if renamed else tuple(name for name in columns if name in REFERENCES)
    columns |= {name: REFERENCES[name][0] for name in references}
    return RecordTable(dataset, entity, columns, references, fields)


RECORD_TABLES: dict[str, RecordTable] = {
    table.dataset: table
    for table in (
        _table("products", Product, {"product_code": "code"}),
        _table("customers", Customer, {"customer_code": "code"}),
        _table("events", Event),
        _table("regressors", Regressor),
        _table("suppliers", Supplier, {"supplier": "name"}),
        _table("supplier_products", SupplierProduct),
        _table("places", Place, {"place": "name"}),
        _table("stock", StockLevel),
        _table("purchase_orders", PurchaseOrder),
        _table("job_orders", JobOrder),
        _table("invoices", Invoice),
        _table("payments", Payment),
        _table("cash_items", CashItem),
    )
}


def tables_of(dataset: str) -> Sequence[RecordTable]:
    """The tables that an import of a data set writes: invoices make payments, too."""
    names = ("invoices", "payments") if dataset == "invoices" else (dataset,)
    return [RECORD_TABLES[name] for name in names]
