"""Ageing and collection figures, with all the odd cases of a ledger."""

from __future__ import annotations

import pandas as pd
import pytest
from receivables_factory import invoice_rows, made_ledger, payment_rows

from ml.errors import DataError
from ml.receivables.ageing import BUCKETS, ageing, collection_figures
from ml.receivables.ledger import build_ledger, convert

MARCH = pd.Timestamp("2024-03-01")


def test_open_invoices_fall_into_buckets_by_days_past_due() -> None:
    due = ["2024-03-01", "2024-02-29", "2024-01-31", "2024-01-30", "2023-12-01", "2023-11-30"]
    rows = invoice_rows(*({"issued_on": "2023-11-01", "due_on": text} for text in due))
    found = ageing(build_ledger(rows, payment_rows()), MARCH).iloc[0]
    assert [found[name] for name in BUCKETS] == [100, 200, 100, 0, 200]
    assert (found["total"], found["invoices"]) == (600, 6)
    assert found["overdue_share"] == pytest.approx(5 / 6)


def test_partial_payments_count_from_their_day_on() -> None:
    ledger = build_ledger(invoice_rows({}), payment_rows(("I0", "2024-02-10", 40), ("I0", "2024-03-05", 60)))
    assert ageing(ledger, pd.Timestamp("2024-02-09"))["total"].tolist() == [100]
    assert ageing(ledger, MARCH)["total"].tolist() == [60]
    assert ageing(ledger, pd.Timestamp("2024-03-05"))["total"].tolist() == [0]
    assert ledger.invoices["settled_on"].tolist() == [pd.Timestamp("2024-03-05")]


def test_a_payment_that_goes_back_opens_the_invoice_again_from_that_day_on() -> None:
    paid = [("I0", "2024-01-30", 100.0), ("I0", "2024-02-05", -100.0), ("I1", "2024-01-30", 130.0)]
    paid += [("I1", "2024-02-05", -30.0), ("I2", "2024-01-30", 100.0), ("I2", "2024-01-30", -100.0)]
    bounced = build_ledger(invoice_rows({}, {}, {}), payment_rows(*paid))
    assert bounced.invoices["settled_on"].isna().tolist() == [True, False, True]
    assert ageing(bounced, MARCH)["total"].tolist() == [200]
    assert ageing(bounced, pd.Timestamp("2024-02-04"))["invoices"].tolist() == [1], "it was not known then"
    again = build_ledger(invoice_rows({}, {}, {}), payment_rows(*paid, ("I0", "2024-03-05", 100.0)))
    assert again.invoices["settled_on"].tolist()[:2] == [pd.Timestamp("2024-03-05"), pd.Timestamp("2024-01-30")]
    assert ageing(again, MARCH)["total"].tolist() == [200]


def test_credit_notes_and_overpayments_are_credits_and_lessen_the_total() -> None:
    rows = invoice_rows({}, {"amount": -30.0}, {"amount": 50.0})
    ledger = build_ledger(rows, payment_rows(("I2", "2024-01-15", 70), ("X", "2024-01-15", 5)))
    found = ageing(ledger, MARCH).iloc[0]
    assert (found["credits"], found["total"]) == (-50, 50)
    assert ledger.notes["credit notes"] == 1
    assert ledger.notes["overpaid invoices"] == 1
    assert ledger.notes["payments without an invoice"] == 1


def test_currencies_are_never_added_unless_rates_are_known() -> None:
    ledger = build_ledger(invoice_rows({}, {"currency": "USD"}), payment_rows(("I1", "2024-01-05", 50)))
    assert ageing(ledger, MARCH).set_index("currency")["total"].to_dict() == {"EUR": 100, "USD": 50}
    assert ageing(convert(ledger, {"USD": 0.9}, "EUR"), MARCH)["total"].tolist() == [145]
    with pytest.raises(DataError, match="no rate for 'USD'"):
        convert(ledger, {}, "EUR")


def test_a_missing_due_date_is_assumed_and_named() -> None:
    rows = invoice_rows(
        {"due_on": "2024-01-15"},
        {"issued_on": "2024-01-02", "due_on": None},
        {"customer_code": "B", "issued_on": "2024-01-03", "due_on": None},
        {"customer_code": "D", "issued_on": "2024-01-04", "due_on": None},
    )
    customers = pd.DataFrame({"customer_code": ["B"], "payment_terms_days": [60], "segment": ["shops"]})
    found = build_ledger(rows, payment_rows(), customers).invoices
    assert found["terms"].tolist() == [14, 14, 60, 14]
    assert found["due_from"].tolist() == [
        "invoice", "customer's latest invoice", "customer's terms", "earlier invoices",
    ]  # fmt: skip
    assert ageing(build_ledger(rows, payment_rows()), MARCH)["assumed_due"].tolist() == [3]
    alone = build_ledger(invoice_rows({"due_on": None})).invoices
    assert (alone["terms"].tolist(), alone["due_from"].tolist()) == ([30], ["default"])


def test_money_that_goes_back_opens_the_invoice_no_earlier_than_that() -> None:
    ledger = build_ledger(invoice_rows({"amount": 100.0}), payment_rows(("I0", "2024-01-10", 99.6)))
    assert ledger.open_at(MARCH)["open"].tolist() == [0]  # within the tolerance: settled


def test_figures_of_collection_by_their_definitions() -> None:
    rows = invoice_rows(
        {"issued_on": "2023-12-01", "due_on": "2023-12-31", "amount": 200.0},
        {"issued_on": "2024-01-10", "due_on": "2024-02-09", "amount": 300.0},
        {"issued_on": "2024-01-20", "due_on": "2024-01-25", "amount": 100.0},
    )
    ledger = build_ledger(rows, payment_rows(("I0", "2024-01-05", 200)))
    found = collection_figures(ledger, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-31")).iloc[0]
    assert found["dso"] == pytest.approx(400 / 400 * 31)
    assert found["best_possible_dso"] == pytest.approx(300 / 400 * 31)
    assert found["average_days_delinquent"] == pytest.approx(100 / 400 * 31)
    assert found["collection_effectiveness"] == pytest.approx((200 + 400 - 400) / (200 + 400 - 300) * 100)
    assert (found["days_to_pay"], found["days_late"]) == (35, 5)


def test_figures_of_customers_and_of_a_period_without_sales() -> None:
    ledger = made_ledger(200, 10)
    first, last = pd.Timestamp("2023-06-01"), pd.Timestamp("2023-08-31")
    found = collection_figures(ledger, first, last, ["customer_code"])
    assert len(found) == 10
    assert found["sales"].sum() == pytest.approx(collection_figures(ledger, first, last)["sales"].sum())
    later = collection_figures(ledger, pd.Timestamp("2030-01-01"), pd.Timestamp("2030-01-31"))
    assert later["dso"].isna().all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame({"invoice_ref": ["A"]}), "no column customer_code, issued_on, amount"),
        (invoice_rows({"invoice_ref": "A"}, {"invoice_ref": "A"}), "'A' comes twice"),
        (invoice_rows({"issued_on": None}), "no issue date"),
    ],
)
def test_what_cannot_be_read_is_named(rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build_ledger(rows)


def test_unknown_groups_and_empty_periods_are_refused() -> None:
    ledger = made_ledger(30, 3)
    with pytest.raises(DataError, match="cannot be grouped by colour"):
        ageing(ledger, MARCH, ["colour"])
    with pytest.raises(DataError, match="before its beginning"):
        collection_figures(ledger, MARCH, MARCH - pd.Timedelta(days=1))
