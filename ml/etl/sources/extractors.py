"""Ready-made extracts of an ERP database: sales orders, purchase orders, job orders and their items.

Orders are a header and a line table, items a third one. Tables and columns have usual names by default; a source
says in `extractor` which ones are called otherwise:

    {"schema": "dbo", "tables": {"header": "OrderHead", "item": ""}, "joins": {"line.order_id": "header.Id"},
     "columns": {"product_code": "line.ItemNo", "region": ""}, "statuses": ["shipped", "invoiced"]}

A table that is '' is not joined, a column that is '' is not fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ml.errors import SourceError

CHANGED = "changed_at"
"""The extract's column that tells when a line last changed: what it is read from on."""

UNIT_PRICE = "unit_price"
ITEM = {"product_code": "item.code", "product_name": "item.name", "category": "item.category"}
LINE_JOINS = {"line.order_id": "header.id", "line.item_id": "item.id"}


@dataclass(frozen=True)
class Layout:
    """The usual names: tables by role, columns ('role.column') by field, and which columns join the tables."""

    dataset: str
    tables: dict[str, str]
    columns: dict[str, str]
    needed: tuple[str, ...]
    joins: dict[str, str]
    status: str = ""


LAYOUTS = {
    "sales_orders": Layout(
        "sales",
        {"line": "sales_order_lines", "header": "sales_orders", "item": "items"},
        {
            "sale_date": "header.order_date",
            "order_ref": "header.order_no",
            "line_ref": "line.id",
            **ITEM,
            "customer_code": "header.customer_code",
            "region": "header.region",
            "territory": "header.territory",
            "area": "header.area",
            "channel": "header.channel",
            "sales_qty": "line.quantity",
            "sales_amount": "line.amount",
            UNIT_PRICE: "",
            CHANGED: "header.updated_at",
        },
        ("sale_date", "product_code", "line_ref"),
        LINE_JOINS,
        "header.status",
    ),
    "purchase_orders": Layout(
        "purchase_orders",
        {"line": "purchase_order_lines", "header": "purchase_orders", "item": "items"},
        {
            "order_ref": "header.order_no",
            "line_ref": "line.id",
            "supplier": "header.supplier",
            "area": "header.area",
            "product_code": "item.code",
            "ordered_on": "header.order_date",
            "expected_on": "line.expected_on",
            "received_on": "line.received_on",
            "qty_ordered": "line.quantity",
            "qty_received": "line.quantity_received",
            "unit_cost": "line.unit_cost",
            "status": "header.status",
            CHANGED: "header.updated_at",
        },
        ("order_ref", "product_code", "ordered_on", "qty_ordered"),
        LINE_JOINS,
        "header.status",
    ),
    "job_orders": Layout(
        "job_orders",
        {"line": "job_order_materials", "header": "job_orders", "item": "items"},
        {
            "order_ref": "header.order_no",
            "line_ref": "line.id",
            "area": "header.area",
            "product_code": "item.code",
            "needed_on": "line.needed_on",
            "qty": "line.quantity",
            "status": "header.status",
            CHANGED: "header.updated_at",
        },
        ("order_ref", "product_code", "needed_on", "qty"),
        LINE_JOINS,
        "header.status",
    ),
    "items": Layout(
        "products",
        {"item": "items"},
        {
            "product_code": "item.code",
            "name": "item.name",
            "category": "item.category",
            "subcategory": "",
            "price": "item.price",
            "cost": "item.cost",
            "lead_time_days": "item.lead_time_days",
            "supplier": "item.supplier",
            "pack_size": "item.pack_size",
            CHANGED: "item.updated_at",
        },
        ("product_code",),
        {},
    ),
}


@dataclass(frozen=True)
class Extract:
    """A layout with the names that a source gives."""

    name: str
    schema: str | None
    tables: dict[str, str]
    columns: dict[str, str]
    joins: dict[str, str]
    status: str
    statuses: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Extract:
        """The extract that a source's settings ask for; raises SourceError, naming what is wrong."""
        name, own = str(settings.get("extract", "")), settings.get("extractor") or {}
        if name not in LAYOUTS:
            raise SourceError(f"there is no extract {name!r}; expected one of {', '.join(LAYOUTS)}.")
        if unknown := sorted(set(own) - {"schema", "tables", "columns", "joins", "status", "statuses"}):
            raise SourceError(f"an extractor has no setting {unknown[0]!r}.")
        layout = LAYOUTS[name]
        tables = _merged("tables", layout.tables, own)
        columns = _merged("columns", layout.columns, own)
        joins = {left: right for left, right in {**layout.joins, **_texts("joins", own)}.items() if right}
        statuses = own.get("statuses") or []
        if not isinstance(statuses, list) or not all(isinstance(status, str) for status in statuses):
            raise SourceError("the extractor's statuses are no list of texts; expected e.g. ['shipped', 'invoiced'].")
        made = cls(
            name=name,
            schema=str(own.get("schema") or "") or None,
            tables={role: table for role, table in tables.items() if table},
            columns={field: column for field, column in columns.items() if column},
            joins=joins,
            status=str(own.get("status") or layout.status),
            statuses=tuple(statuses),
        )
        made._check(layout)
        return made

    @property
    def watermark(self) -> str:
        """The column of the extract to read on from; '' where the source has none."""
        return CHANGED if CHANGED in self.columns else ""

    @property
    def mapping(self) -> dict[str, Any]:
        """The extract's columns are called like the fields; without an amount it is quantity times price."""
        mapping: dict[str, Any] = {field: field for field in self.columns if field not in (CHANGED, UNIT_PRICE)}
        if UNIT_PRICE in self.columns and "sales_amount" not in mapping:
            mapping["sales_amount"] = {"left": "sales_qty", "op": "*", "right": UNIT_PRICE}
        return mapping

    def select(self) -> sa.Select[Any]:
        """The statement: one row a line (or item), a column a field."""
        names: dict[str, list[str]] = {role: [] for role in self.tables}
        for reference in self._references():
            role, column = _split(reference)
            if column not in names[role]:
                names[role].append(column)
        tables = {
            role: sa.table(table, *(sa.column(name) for name in names[role]), schema=self.schema).alias(role)
            for role, table in self.tables.items()
        }

        def at(reference: str) -> sa.ColumnElement[Any]:
            role, column = _split(reference)
            return tables[role].c[column]

        roles = list(self.tables)
        joined: Any = tables[roles[0]]
        for role in roles[1:]:
            on = [
                at(left) == at(right)
                for left, right in self._used_joins()
                if role in (left.split(".")[0], right.split(".")[0])
            ]
            joined = joined.join(tables[role], sa.and_(*on))
        statement = sa.select(*(at(column).label(field) for field, column in self.columns.items())).select_from(joined)
        if self.statuses:
            statement = statement.where(at(self.status).in_([sa.literal(status) for status in self.statuses]))
        return statement

    def _references(self) -> list[str]:
        joined = [reference for pair in self._used_joins() for reference in pair]
        return [*self.columns.values(), *joined, *([self.status] if self.statuses else [])]

    def _used_joins(self) -> list[tuple[str, str]]:
        """The joins of tables that are there."""
        return [pair for pair in self.joins.items() if all(part.split(".")[0] in self.tables for part in pair)]

    def _check(self, layout: Layout) -> None:
        for reference in self._references():
            role, column = _split(reference)
            if role not in self.tables or not column:
                raise SourceError(
                    f"the extractor names the column {reference!r}; expected one of the tables "
                    f"{', '.join(self.tables)}, a point, and a column. Leave out what is not there with ''."
                )
        amount = ("sales_amount", UNIT_PRICE)
        missing = [field for field in layout.needed if field not in self.columns]
        if layout.dataset == "sales" and not any(field in self.columns for field in amount):
            missing.append("sales_amount (or unit_price)")
        if missing:
            raise SourceError(f"the extract {self.name} needs a column for {', '.join(missing)}.")
        for role in list(self.tables)[1:]:
            if not any(role in (left.split(".")[0], right.split(".")[0]) for left, right in self._used_joins()):
                raise SourceError(f"nothing joins the table of the {role}; name it in joins, such as line.{role}_id.")


def mapping_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that comes with a source's extract; {} where it has none."""
    return Extract.of(settings).mapping if settings.get("extract") else {}


def _merged(name: str, usual: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, str]:
    given = _texts(name, own)
    if unknown := sorted(set(given) - set(usual)):
        raise SourceError(f"the extractor's {name} name {unknown[0]!r}; expected some of {', '.join(usual)}.")
    return {**usual, **given}


def _texts(name: str, own: Mapping[str, Any]) -> dict[str, str]:
    given = own.get(name) or {}
    if not isinstance(given, dict) or not all(isinstance(text, str) for pair in given.items() for text in pair):
        raise SourceError(f"the extractor's {name} are no object of texts.")
    return given


def _split(reference: str) -> tuple[str, str]:
    role, _, column = reference.partition(".")
    return role, column
