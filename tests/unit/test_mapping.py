"""Columns are guessed from their names and values, and a mapping is checked before it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml.errors import MappingError
from ml.etl.mapping import FIELDS, check, guess, simplify
from ml.etl.sources.files import inspect

SUPERSTORE = Path(__file__).resolve().parents[3] / "shared" / "data" / "superstore.csv"

VALUES = {"date": "2024-01-31", "text": "abc", "number": "12.50"}
KINDS = {field.name: field.kind for field in FIELDS}


def guess_names(names: dict[str, str]) -> dict[str, str]:
    """The guess for columns by name, whose values are of the given kinds."""
    return guess(list(names), [{name: VALUES[kind] for name, kind in names.items()}] * 3)


@pytest.mark.skipif(not SUPERSTORE.exists(), reason=f"{SUPERSTORE} is not here")
def test_superstore_is_mapped_wholly_and_nothing_is_mapped_wrongly() -> None:
    with SUPERSTORE.open("rb") as file:
        sample = inspect(file, SUPERSTORE.name)
    assert guess(sample.columns, sample.rows) == {
        "sale_date": "Order Date",
        "region": "Region",
        "territory": "State",
        "area": "City",
        "product_code": "Product ID",
        "product_name": "Product Name",
        "category": "Category",
        "subcategory": "Sub-Category",
        "customer_code": "Customer ID",
        "customer_name": "Customer Name",
        "order_ref": "Order ID",
        "channel": "Segment",
        "sales_amount": "Sales",
        "sales_qty": "Quantity",
    }


@pytest.mark.parametrize(
    "columns",
    [
        {"sale_date": "invoice_date", "product_code": "sku", "sales_qty": "qty", "sales_amount": "net_amount"},
        {
            "sale_date": "PostingDate",
            "product_code": "ItemNo",
            "product_name": "Description",
            "sales_amount": "Revenue",
        },
        {
            "sale_date": "Bestelldatum",
            "territory": "Bundesland",
            "area": "Filiale",
            "product_code": "Artikelnummer",
            "product_name": "Bezeichnung",
            "category": "Warengruppe",
            "customer_code": "Kundennr.",
            "sales_amount": "Nettoumsatz",
            "sales_qty": "Menge",
        },
        {
            "sale_date": "Factuurdatum",
            "region": "Regio",
            "area": "Winkel",
            "product_code": "Artikelnummer",
            "product_name": "Omschrijving",
            "customer_name": "Klantnaam",
            "sales_amount": "Omzet",
            "sales_qty": "Aantal",
        },
        {
            "sale_date": "Fecha de venta",
            "region": "Región",
            "area": "Tienda",
            "product_code": "Código de producto",
            "product_name": "Descripción",
            "category": "Categoría",
            "sales_amount": "Importe",
            "sales_qty": "Cantidad",
        },
        {"sale_date": "date", "area": "store", "product_code": "item", "sales_amount": "sales"},
    ],
)
def test_names_of_erp_systems_and_other_languages_are_understood(columns: dict[str, str]) -> None:
    found = guess_names({column: KINDS[field] for field, column in columns.items()})
    assert {field: column for field, column in found.items() if field in columns} == columns


def test_neighbours_that_mean_something_else_are_left_alone() -> None:
    columns = {
        "Ship Date": "date",
        "Due Date": "date",
        "Profit": "number",
        "Discount": "number",
        "Postal Code": "number",
    }
    assert guess_names(columns) == {}


def test_values_overrule_a_name() -> None:
    assert guess_names({"Sales": "text", "Revenue": "number"})["sales_amount"] == "Revenue"
    assert "sale_date" not in guess_names({"Date": "text"})


def test_the_only_column_of_dates_is_the_date_whatever_its_name() -> None:
    assert guess_names({"when": "date", "x": "text"}) == {"sale_date": "when"}


def test_a_name_identifies_where_no_code_does() -> None:
    found = guess_names({"Product Name": "text", "Customer": "text"})
    assert (found["product_code"], found["customer_code"]) == ("Product Name", "Customer")


def test_names_are_compared_without_case_accents_and_signs() -> None:
    assert simplify("  Número_de-Pedido ") == "numero de pedido"
    assert simplify("OrderDate") == "order date"


COLUMNS = ["Day", "Item", "Sum"]
GOOD = {"sale_date": "Day", "product_code": "Item", "sales_amount": "Sum"}


def test_a_complete_mapping_passes_and_a_column_may_be_code_and_name() -> None:
    check(GOOD | {"product_name": "Item"}, COLUMNS)


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        (GOOD | {"price": "Sum"}, "unknown field 'price'"),
        (GOOD | {"region": "Land"}, "Region is mapped to column 'Land', which the file does not have"),
        ({"sale_date": "Day"}, "no column is chosen for Product code and Sales amount"),
        (GOOD | {"sales_amount": "Day"}, "column 'Day' is chosen for Date and Sales amount"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_reason(mapping: dict[str, str], reason: str) -> None:
    with pytest.raises(MappingError, match=re.escape(reason)):
        check(mapping, COLUMNS)


def test_the_web_can_inspect_and_map_without_loading_the_libraries_of_jobs() -> None:
    code = (
        "import sys, ml.etl.mapping, ml.etl.rejected, ml.etl.sources.files, ml.db.bulk, ml.db.functions;"
        "print([m for m in ('pandas', 'numpy', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
