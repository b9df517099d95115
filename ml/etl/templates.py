"""Files to fill in: for each data set a header and two example rows, as CSV or as a workbook that explains them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ml.errors import DataError
from ml.etl.datasets import Dataset, Field
from ml.etl.workbooks import write_workbook

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The formats of templates, and their media types."""

EXAMPLES: dict[str, tuple[str, str]] = {
    "sale_date": ("2024-01-31", "2024-02-01"),
    "region": ("North", "South"),
    "territory": ("Yorkshire", "Kent"),
    "area": ("Leeds", "Dover"),
    "product_code": ("P-1001", "P-1002"),
    "product_name": ("Desk lamp", "Paper, 500 sheets"),
    "category": ("Lighting", "Paper"),
    "subcategory": ("Lamps", "Copy paper"),
    "customer_code": ("C-201", "C-202"),
    "customer_name": ("Acorn Ltd", "Birch & Sons"),
    "order_ref": ("O-5001", "O-5002"),
    "line_ref": ("1", "2"),
    "channel": ("Shop", "Web"),
    "sales_amount": ("59.80", "-7.90"),
    "sales_qty": ("2", "-1"),
    "price": ("29.90", "7.90"),
    "cost": ("14.20", "4.10"),
    "lead_time_days": ("14", "3"),
    "supplier": ("Lumen GmbH", "Mill & Co"),
    "pack_size": ("6", "20"),
    "segment": ("Retail", "Offices"),
    "payment_terms_days": ("30", "14"),
    "credit_limit": ("5000", ""),
    "kind": ("promotion", "holiday"),
    "starts_on": ("2024-03-01", "2024-05-06"),
    "ends_on": ("2024-03-14", ""),
    "value": ("0.2", ""),
    "place": ("Leeds", "North warehouse"),
    "supplied_by": ("North warehouse", ""),
    "transfer_days": ("2", ""),
    "order_days": ("Mon Wed Fri", "1111100"),
    "delivery_days": ("Tue Thu", ""),
    "closed_days": ("2024-12-24, 2024-12-25", ""),
    "minimum_order": ("250", ""),
    "free_freight_from": ("1000", ""),
    "minimum_qty": ("12", ""),
    "shelf_life_days": ("", "540"),
    "day": ("2024-01-31", "2024-02-01"),
    "on_hand": ("120", "35"),
    "reserved": ("10", ""),
    "ordered_on": ("2024-01-31", "2024-02-01"),
    "expected_on": ("2024-02-14", "2024-02-04"),
    "received_on": ("2024-02-15", ""),
    "qty_ordered": ("60", "200"),
    "qty_received": ("60", ""),
    "unit_cost": ("14.20", "4.10"),
    "status": ("closed", "open"),
    "needed_on": ("2024-02-20", "2024-02-21"),
    "qty": ("4", "12.5"),
    "invoice_ref": ("I-7001", "I-7002"),
    "issued_on": ("2024-01-31", "2024-02-01"),
    "due_on": ("2024-03-01", "2024-02-15"),
    "terms_days": ("30", "14"),
    "amount": ("1250.00", "-40.00"),
    "currency": ("EUR", "EUR"),
    "disputed": ("no", "yes"),
    "disputed_on": ("", "2024-02-20"),
    "item_ref": ("W-2024-01", "B-8801"),
    "paperless": ("yes", "no"),
    "settled_on": ("2024-02-28", ""),
    "payment_ref": ("B-301", ""),
    "paid_on": ("2024-02-28", "2024-03-04"),
}
NAMES = {
    "products": EXAMPLES["product_name"],
    "customers": EXAMPLES["customer_name"],
    "events": ("Spring sale", "May Day"),
    "regressors": ("temperature", "temperature"),
    "cash_items": ("Wages", "Mill & Co"),
}
VALUES = {"regressors": ("4.5", "6.1")}
KINDS = {"date": "a date", "text": "text", "number": "a number", "flag": "yes or no"}


def template(dataset: Dataset, kind: str) -> bytes:
    """The template of a data set as a file; raises DataError where `kind` is not one of `FORMATS`."""
    if kind not in FORMATS:
        raise DataError(f"there is no template as {kind!r}; expected one of {', '.join(FORMATS)}.")
    return xlsx_template(dataset) if kind == "xlsx" else csv_template(dataset).encode("utf-8-sig")


def template_name(dataset: Dataset, kind: str) -> str:
    """What the file is called."""
    return f"{dataset.name.replace('_', '-')}-template.{kind}"


def csv_template(dataset: Dataset) -> str:
    """A header with the fields' labels, and two example rows; it can be imported as it is."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerows(_lines(dataset))
    return buffer.getvalue()


def xlsx_template(dataset: Dataset) -> bytes:
    """A workbook: the sheet to fill in with two example rows, and one that explains the columns."""
    return write_workbook({"Rows": _lines(dataset), "Columns": explanations(dataset)})


def explanations(dataset: Dataset) -> list[tuple[str, str, str, str]]:
    """What each column means: label, whether it is required, what it holds, help; a header comes first."""
    rows = [
        (field.label, "required" if field.required else "optional", what_it_holds(field), field.help)
        for field in dataset.fields
    ]
    return [("Column", "Required", "Holds", "Meaning"), *rows]


def what_it_holds(field: Field) -> str:
    """A field's kind in words."""
    if field.choices:
        return "one of " + ", ".join(field.choices)
    words = KINDS[field.kind]
    if field.length:
        words += f" of at most {field.length} characters"
    return words if field.minimum is None else f"{words}, {field.minimum:g} or more"


def _lines(dataset: Dataset) -> list[Sequence[str]]:
    columns = [(field.label, *_examples(dataset, field)) for field in dataset.fields]
    return list(zip(*columns, strict=True))


def _examples(dataset: Dataset, field: Field) -> tuple[str, str]:
    if field.name == "name":
        return NAMES[dataset.name]
    if field.name == "product_code" and not field.required:
        return EXAMPLES["product_code"][0], ""
    return VALUES.get(dataset.name, EXAMPLES["value"]) if field.name == "value" else EXAMPLES[field.name]
