"""What the demo company's customers owe fits its sales, and shows all that the predictions have to cope with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml.demo import Demo, command, generate
from ml.demo.receivables import INVOICED, Receivables, draw_receivables
from ml.receivables.ledger import build_ledger


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate(rows=60_000)


@pytest.fixture(scope="module")
def made(demo: Demo) -> Receivables:
    return draw_receivables(7, demo.company, demo.sales)


def test_invoices_add_up_to_the_sales_on_credit(demo: Demo, made: Receivables) -> None:
    sold = demo.sales[demo.sales["channel"].isin(list(INVOICED))]
    invoices = made.invoices[made.invoices["amount"] > 0]
    by = invoices.groupby("customer_code")["amount"].sum()
    expected = sold.groupby(sold["customer_code"].astype(str))["sales_amount"].sum()
    pd.testing.assert_series_equal(by, expected, check_names=False, atol=1.0)


def test_nothing_of_it_lies_after_the_last_sale(demo: Demo, made: Receivables) -> None:
    last = demo.sales["sale_date"].max()
    assert made.payments["paid_on"].max() <= last
    assert made.invoices[["issued_on", "disputed_on"]].max().max() <= last
    assert made.cash_items["day"].min() > last


def test_it_holds_disputes_parts_credit_notes_overpayments_and_open_ones(made: Receivables) -> None:
    ledger = build_ledger(made.invoices, made.payments, made.customers)
    assert ledger.notes["credit notes"] > 50
    assert ledger.notes["overpaid invoices"] > 50
    assert ledger.notes["payments without an invoice"] == 0
    assert made.payments["invoice_ref"].duplicated().sum() > 200
    rows = ledger.collectable
    paid = rows[rows["settled_on"].notna()]
    late = (paid["settled_on"] > paid["due_on"]).mean()
    assert 0.4 < late < 0.8
    assert paid.loc[paid["disputed"] == 1, "settled_on"].sub(paid["due_on"]).dt.days.mean() > 15
    assert 200 < rows["settled_on"].isna().sum() < 1500


def test_the_command_writes_a_file_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--out", str(tmp_path / "sales.csv"), "--rows", "5000", "--records", str(tmp_path)]
    assert command.main(arguments) == 0
    names = {path.name for path in tmp_path.glob("*.csv")}
    assert {"cash_items.csv", "customers.csv", "invoices.csv", "payments.csv", "sales.csv"} <= names
    first = pd.read_csv(tmp_path / "invoices.csv", nrows=5)
    assert {"invoice_ref", "terms_days", "disputed_on"} <= set(first.columns)
    assert "invoices.csv" in capsys.readouterr().out
