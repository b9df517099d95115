"""Records of every data set but sales: loaded by their keys, changed field by field, and taken back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from etl_helpers import KINDS, Databases, ingest
from record_helpers import dump, import_of, load_rows, versions
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product, Series
from ml.db.imports import Import, RejectedRow
from ml.etl import records
from ml.etl.datasets import DATASETS
from ml.etl.records import take_back
from ml.etl.templates import csv_template
from ml.pipelines.ingest import load_import

RECORDS = [name for name in DATASETS if name != "sales"]
SALES = "Date,Region,Product ID,Product Name,Category,Amount\n2024-01-01,North,P-1,Pen,Office,10\n"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with closing(Databases(tmp_path_factory.mktemp("records"))) as databases:
        yield databases


def undo(session: Session, record: Import) -> None:
    take_back(session, record)
    session.commit()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dataset", RECORDS)
def test_a_template_loads_changes_nothing_the_second_time_and_can_be_taken_back(
    databases: Databases, store: ArtifactStore, kind: str, dataset: str
) -> None:
    content = csv_template(DATASETS[dataset]).encode()
    with databases.session(kind) as session:
        first = import_of(session, store, dataset, content)
        result = load_import(session, store, first.id)
        session.commit()
        assert (result.rows_loaded, result.rows_rejected) == (2, 0)
        loaded = dump(session, dataset)
        assert len(loaded) == 2

        again = import_of(session, store, dataset, content)
        result = load_import(session, store, again.id)
        session.commit()
        assert (result.rows_loaded, result.rows_unchanged) == (0, 2)
        undo(session, first)
        kept = dump(session, dataset)
        assert [{**row, "import_id": first.id} for row in kept] == loaded
        undo(session, again)
        assert dump(session, dataset) == []
        assert versions(session) == 0


def test_a_field_that_is_not_mapped_stays_and_an_empty_cell_clears(session: Session, store: ArtifactStore) -> None:
    load_rows(session, store, "products", [{"product_code": "P-1", "price": 3, "supplier": "Mill"}])
    changing = load_rows(session, store, "products", [{"product_code": "P-1", "price": "", "cost": 2}])
    (product,) = dump(session, "products")
    assert (product["price"], product["cost"], product["supplier"]) == (None, 2, "Mill")
    assert (changing.rows_loaded, changing.rows_changed) == (1, 1)
    undo(session, changing)
    (product,) = dump(session, "products")
    assert (product["price"], product["cost"], product["supplier"]) == (3, None, "Mill")


def test_of_rows_with_one_key_the_last_counts(session: Session, store: ArtifactStore) -> None:
    rows = [{"day": "2024-01-01", "product_code": "P-1", "on_hand": count} for count in (1, 2, 3)]
    record = load_rows(session, store, "stock", rows)
    assert [row["on_hand"] for row in dump(session, "stock")] == [3]
    assert record.report is not None
    assert record.report["notes"] == ["2 rows repeat the area, product code, day of a later row; the last one counts."]


def test_payments_without_a_number_may_be_alike(session: Session, store: ArtifactStore) -> None:
    rows = [{"invoice_ref": "I-1", "paid_on": "2024-01-05", "amount": 50}] * 2
    for _ in range(2):
        load_rows(session, store, "payments", rows)
        assert [row["amount"] for row in dump(session, "payments")] == [50, 50]


def test_a_settled_invoice_makes_a_payment_and_a_reopened_one_loses_it(session: Session, store: ArtifactStore) -> None:
    invoice = {"invoice_ref": "I-1", "customer_code": "C-1", "issued_on": "2024-01-05", "amount": 50}
    load_rows(session, store, "invoices", [{**invoice, "settled_on": "2024-02-01"}])
    (payment,) = dump(session, "payments")
    assert (payment["paid_on"], payment["amount"]) == (date(2024, 2, 1), 50)
    reopened = load_rows(session, store, "invoices", [{**invoice, "settled_on": ""}])
    assert dump(session, "payments") == []
    undo(session, reopened)
    assert dump(session, "payments") == [payment]


def test_invoices_keep_other_writers_of_payments_out(
    session: Session, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make payments, too."""
    locked: list[str] = []
    monkeypatch.setattr(records, "lock_for_writing", lambda _session, entity: locked.append(entity.__tablename__))
    load_rows(
        session,
        store,
        "invoices",
        [{"invoice_ref": "I-1", "customer_code": "C", "issued_on": "2024-01-01", "amount": "1"}],
    )
    assert locked == ["invoices", "payments"]


def test_events_that_end_before_they_begin_are_rejected(session: Session, store: ArtifactStore) -> None:
    event = {"kind": "promotion", "starts_on": "2024-03-02"}
    record = load_rows(session, store, "events", [{**event, "ends_on": "2024-03-01"}, {**event, "ends_on": ""}])
    (rejected,) = session.scalars(sa.select(RejectedRow))
    assert (rejected.row_number, rejected.column, rejected.value) == (1, "ends_on", "2024-03-01")
    assert record.rows_rejected == 1
    assert [row["ends_on"] for row in dump(session, "events")] == [date(2024, 3, 2)]


def test_the_category_of_the_products_wins_and_moves_the_series(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, SALES)
    record = load_rows(session, store, "products", [{"product_code": "P-1", "category": "Writing"}])
    assert set(session.scalars(sa.select(Series.category))) == {"Writing"}
    ingest(session, store, SALES.replace(",10", ",11"))
    assert set(session.scalars(sa.select(Product.category))) == {"Writing"}
    undo(session, record)
    assert set(session.scalars(sa.select(Series.category))) == {"Office"}
    assert session.scalars(sa.select(Product.category)).all() == ["Office"]


def test_what_sales_say_of_a_product_is_left_when_its_import_is_taken_back(
    session: Session, store: ArtifactStore
) -> None:
    record = load_rows(session, store, "products", [{"product_code": "P-1", "name": "Biro", "price": 2}])
    ingest(session, store, SALES)
    undo(session, record)
    (product,) = dump(session, "products")
    assert (product["name"], product["category"], product["price"]) == ("Pen", "Office", None)


def test_a_product_that_stock_refers_to_keeps_its_code(session: Session, store: ArtifactStore) -> None:
    record = load_rows(
        session, store, "products", [{"product_code": "P-1", "price": 2}, {"product_code": "P-2", "price": 2}]
    )
    load_rows(session, store, "stock", [{"day": "2024-01-01", "product_code": "P-1", "on_hand": 1}])
    undo(session, record)
    (product,) = dump(session, "products")
    assert (product["product_code"], product["price"], product["import_id"]) == ("P-1", None, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_imports_and_undos_equal_the_imports_that_are_kept(
    databases: Databases, store: ArtifactStore, kind: str, seed: int
) -> None:
    """Oracle: the tables after a random sequence of imports and undos, and after the kept imports alone."""
    chance = random.Random(seed)  # noqa: S311
    dataset = chance.choice(["products", "customers", "events", "stock", "invoices"])
    files = [random_rows(chance, dataset) for _ in range(6)]
    taken = sorted(chance.sample(range(6), 3))
    with databases.session(kind) as session:
        made: list[Import] = []
        for position, rows in enumerate(files):
            made.append(load_rows(session, store, dataset, rows))
            if position >= 3 and chance.random() < 0.5 and (early := [n for n in taken if n < len(made)]):
                undo(session, made[early[0]])
                taken = [*taken[: taken.index(early[0])], *taken[taken.index(early[0]) + 1 :]]
                files[early[0]] = []
        for number in chance.sample(taken, len(taken)):
            undo(session, made[number])
            files[number] = []
        found = everything(session)
    with databases.session(kind) as session:
        for rows in filter(None, files):
            load_rows(session, store, dataset, rows)
        assert found == everything(session)


def everything(session: Session) -> dict[str, Any]:
    """All records but for the imports' numbers; products and customers that nothing describes are left out."""
    found = {}
    for dataset in RECORDS:
        rows = [{name: value for name, value in row.items() if name != "import_id"} for row in dump(session, dataset)]
        bare = dataset in ("products", "customers")
        found[dataset] = [row for row in rows if not bare or any(value for value in list(row.values())[1:])]
    return found


def random_rows(chance: random.Random, dataset: str) -> list[dict[str, Any]]:
    """A few rows that map some fields, with few distinct keys, so that imports meet.

    What an invoice calls its customer is left out: a name that was empty is filled, and stays.
    """
    fields = {name: field for name, field in DATASETS[dataset].by_name.items() if name != "customer_name"}
    keys = DATASETS[dataset].key
    names = [n for n, field in fields.items() if field.required or n in keys or chance.random() < 0.5]
    return [
        {name: random_cell(chance, fields[name], name in keys) for name in names} for _ in range(chance.randint(2, 6))
    ]


def random_cell(chance: random.Random, field: Any, is_key: bool) -> str:
    if field.name == "ends_on":
        return chance.choice(["2024-02-01", ""])
    if not is_key and not field.required and chance.random() < 0.2:
        return ""
    if field.choices:
        return str(field.choices[0])
    return {
        "date": f"2024-01-0{chance.randint(1, 2)}",
        "number": str(chance.randint(1, 3)),
        "flag": chance.choice(["yes", "no"]),
        "text": f"{field.name[:3]}-{chance.randint(1, 2)}",
    }[field.kind]
