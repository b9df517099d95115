"""What fills a field: rules are parsed, refused with what is wrong, and read cell by cell."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import MappingError
from ml.etl.cells import Checks
from ml.etl.columns import NO_DAY
from ml.etl.datasets import DATASETS, EVENTS, INVOICES, SALES, Dataset
from ml.etl.dates import DateFormat, Order
from ml.etl.mapping import check, guess
from ml.etl.numbers import NumberFormat
from ml.etl.policy import Policy
from ml.etl.quality import CheckedBatch, Checker, Rejection
from ml.etl.rules import Rule, rules
from ml.etl.sources.rows import Batch
from ml.etl.survey import Survey

TODAY = date(2024, 6, 1)
BASE = {"sale_date": {"constant": "2024-01-31"}, "product_code": {"constant": "A"}}


def read(
    mapping: dict[str, Any],
    columns: dict[str, list[str]],
    dataset: Dataset = SALES,
    survey: Survey | None = None,
    policy: Policy | None = None,
) -> tuple[CheckedBatch, list[Rejection]]:
    """Check some rows under a mapping."""
    count = len(next(iter(columns.values())))
    batch = Batch(np.arange(1, count + 1, dtype=np.int32), {name: pa.array(cells) for name, cells in columns.items()})
    checks = Checks(TODAY, policy or Policy())
    return Checker(rules(mapping, dataset), survey or Survey(count), checks, dataset).check(batch)


def test_rules_are_parsed_in_the_order_of_the_fields_and_empty_ones_left_out() -> None:
    found = rules({"sales_qty": {"column": "Qty", "factor": 12}, "sale_date": "Day", "region": "", "area": None})
    assert found == {"sale_date": Rule("Day"), "sales_qty": Rule("Qty", factor=12)}
    assert list(found) == ["sale_date", "sales_qty"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Qty", "'Qty'"),
        ({"column": "Qty", "factor": 12}, "'Qty' * 12"),
        ({"left": "Quantity", "op": "*", "right": "UnitPrice"}, "'Quantity' * 'UnitPrice'"),
        ({"left": "Cents", "op": "/", "right": 100, "factor": -1}, "'Cents' / 100 * -1"),
        ({"constant": 5}, "always '5'"),
    ],
)
def test_rules_are_told_in_words(said: Any, words: str) -> None:
    assert str(rules({"sales_amount": said})["sales_amount"]) == words


@pytest.mark.parametrize(
    ("field", "said", "reason"),
    [
        ("price", "Price", "unknown field 'price'"),
        ("sales_qty", 7, "expected a column name or a rule"),
        ("sales_qty", {}, "expected the keys"),
        ("sales_qty", {"factor": 2}, "expected the keys"),
        ("sales_qty", {"column": "Qty", "constant": 1}, "expected the keys"),
        ("sales_qty", {"column": ""}, "column is ''; expected the name of a column"),
        ("sales_qty", {"column": "Qty", "factor": 0}, "factor is 0; expected a number other than 0"),
        ("sales_qty", {"column": "Qty", "factor": True}, "factor is True"),
        ("sales_qty", {"column": "Qty", "factor": float("nan")}, "factor is nan"),
        ("sales_qty", {"column": "Qty", "format": "day-first"}, "only dates take a format"),
        ("region", {"column": "Land", "factor": 2}, "only numbers take a factor"),
        ("region", {"left": "A", "op": "+", "right": "B"}, "only numbers can be calculated"),
        ("sales_amount", {"left": "A", "op": "%", "right": "B"}, "op is '%'; expected one of * + - /"),
        ("sales_amount", {"left": "A", "op": "*"}, "right is None; expected the name of a column or a number"),
        ("sales_amount", {"left": "A", "op": "/", "right": 0}, "nothing can be divided by it"),
        ("sales_amount", {"constant": "much"}, "constant is 'much'; expected a number"),
        ("sale_date", {"constant": "soon"}, "constant is 'soon'; expected a date"),
        ("region", {"constant": "x" * 121}, "constant is longer than 120 characters"),
        ("sale_date", {"column": "Day", "format": "d.m.y"}, "format is 'd.m.y'; expected one of day-first"),
        ("sale_date", {"column": "Day", "format": "%H:%M"}, "or a pattern such as %d.%m.%Y"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_is_wrong_with_it(field: str, said: Any, reason: str) -> None:
    with pytest.raises(MappingError, match=re.escape(reason)):
        rules({field: said})


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=6,
)
rule_like = st.fixed_dictionaries(
    {},
    optional={
        key: json_values | st.sampled_from(["*", "/", "Qty", "day-first", "%d%m%Y"])
        for key in ("column", "constant", "left", "op", "right", "factor", "format")
    },
)


@given(st.sampled_from(sorted(DATASETS)), st.data())
def test_any_json_is_a_mapping_or_refused_with_a_message(name: str, data: st.DataObject) -> None:
    dataset = DATASETS[name]
    field = data.draw(st.sampled_from([field.name for field in dataset.fields]))
    said = data.draw(json_values | rule_like)
    with suppress(MappingError):
        assert all(str(rule) for rule in rules({field: said}, dataset).values())


def test_a_calculation_multiplies_before_it_rounds() -> None:
    mapping = BASE | {"sales_amount": {"left": "Qty", "op": "*", "right": "Price"}, "sales_qty": "Qty"}
    good, rejected = read(mapping, {"Qty": ["10000", "-2", "0"], "Price": ["0.00012", "2.55", "9"]})
    assert rejected == []
    assert good.numbers["sales_amount"].tolist() == [1.2, -5.1, 0]
    assert good.numbers["sales_qty"].tolist() == [10000, -2, 0]


@pytest.mark.parametrize(("op", "result"), [("*", 24), ("+", 14), ("-", 10), ("/", 6)])
def test_the_four_operators_with_columns_and_with_numbers(op: str, result: float) -> None:
    for right in ("B", 2):
        good, _ = read(BASE | {"sales_amount": {"left": "A", "op": op, "right": right}}, {"A": ["12"], "B": ["2"]})
        assert good.numbers["sales_amount"].tolist() == [result]


@pytest.mark.parametrize(
    ("cells", "op", "column", "value", "reason"),
    [
        (("ten", "2"), "*", "A", "ten", "not a number"),
        (("10", "two"), "*", "B", "two", "not a number"),
        (("", "2"), "*", "A", "", "no sales amount is given"),
        (("10", " "), "*", "B", " ", "no sales amount is given"),
        (("10", "0"), "/", "B", "0", "nothing can be divided"),
        (("1e9", "1e9"), "*", "A", "1e9", "too large"),
    ],
)
def test_a_wrong_cell_of_a_calculation_is_named_with_its_neighbour(
    cells: tuple[str, str], op: str, column: str, value: str, reason: str
) -> None:
    mapping = BASE | {"sales_amount": {"left": "A", "op": op, "right": "B"}}
    _, (found,) = read(mapping, {"A": [cells[0]], "B": [cells[1]]})
    assert (found.row_number, found.column, found.value) == (1, column, value)
    assert reason in found.reason
    assert f"Sales amount is 'A' {op} 'B'; 'A' is {cells[0]!r}, 'B' is {cells[1]!r}" in found.reason


def test_each_column_of_a_calculation_has_its_own_notation() -> None:
    survey = Survey(1, numbers={"A": NumberFormat(","), "B": NumberFormat(".")})
    mapping = BASE | {"sales_amount": {"left": "A", "op": "*", "right": "B"}}
    good, _ = read(mapping, {"A": ["1.000,5"], "B": ["1.5"]}, survey=survey)
    assert good.numbers["sales_amount"].tolist() == [1500.75]


def test_factors_and_constants_fill_fields() -> None:
    mapping = BASE | {
        "region": {"constant": " North  East "},
        "sales_amount": {"column": "Net", "factor": -1},
        "sales_qty": {"column": "Boxes", "factor": 12},
    }
    good, rejected = read(mapping, {"Net": ["5", "-7.5"], "Boxes": ["1", ""]})
    assert rejected == []
    assert good.texts["region"].strings().to_pylist() == ["North East", "North East"]
    assert good.cells("sale_date") == [date(2024, 1, 31)] * 2
    assert good.numbers["sales_amount"].tolist() == [-5, 7.5]
    assert good.numbers["sales_qty"].tolist() == [12, 0]  # of sales, what is not said is 0


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("day-first", "03/04/2024"), ("month-first", "04/03/2024"), ("year-first", "24/04/03"),
        ("%d.%m.%y", "03.04.24"), ("%Y%j", "2024094"), ("%d%m%Y", "03042024"),
    ],
)  # fmt: skip
def test_dates_are_read_in_the_format_that_the_rule_says(form: str, text: str) -> None:
    mapping = BASE | {"sale_date": {"column": "Day", "format": form}, "sales_amount": {"constant": 1}}
    good, rejected = read(mapping, {"Day": [text]})
    assert rejected == []
    assert good.cells("sale_date") == [date(2024, 4, 3)]


@pytest.mark.parametrize(
    ("order", "text", "reason"),
    [
        ("day-first", "04/30/2024", "read as day/month/year"),
        ("month-first", "30/04/2024", "read as month/day/year"),
        ("month-first", "soon", "not a date; expected one such as 2024-01-31"),
    ],
)
def test_a_rejected_date_says_which_order_the_column_was_read_in(order: Order, text: str, reason: str) -> None:
    mapping = BASE | {"sale_date": "Day", "sales_amount": {"constant": 1}}
    _, (found,) = read(mapping, {"Day": [text]}, survey=Survey(1, {"Day": DateFormat(order)}))
    assert (found.column, found.value) == ("Day", text)
    assert reason in found.reason


def test_flags_missing_numbers_and_choices_of_other_data_sets() -> None:
    mapping = {
        "invoice_ref": "No", "customer_code": "Who", "issued_on": "Day", "settled_on": "Paid", "amount": "Sum",
        "disputed": "Disputed", "paperless": "Bill",
    }  # fmt: skip
    columns = {
        "No": ["1", "2", "3"], "Who": ["A", "B", "C"], "Day": ["2024-01-02"] * 3, "Paid": ["", "2024-02-01", ""],
        "Sum": ["1", "2", "3"], "Disputed": ["Ja", "", "perhaps"], "Bill": ["Electronic", "Paper", ""],
    }  # fmt: skip
    good, (found,) = read(mapping, columns, INVOICES)
    assert (good.cells("disputed"), good.cells("paperless")) == ([True, None], [True, False])
    assert good.cells("settled_on") == [None, date(2024, 2, 1)]
    assert good.dates["due_on"].tolist() == [NO_DAY, NO_DAY]  # no column at all
    assert (found.column, found.value) == ("Disputed", "perhaps")
    assert "neither yes nor no" in found.reason

    events = {"kind": "Kind", "starts_on": {"constant": "2031-01-01"}, "value": "Value"}
    good, (wrong,) = read(events, {"Kind": ["Promotion", "party"], "Value": ["", "1"]}, EVENTS)
    assert (good.cells("kind"), good.cells("value")) == (["promotion"], [None])
    assert "expected one of promotion, holiday, price, other" in wrong.reason


def test_templates_are_mapped_wholly_by_their_names_and_by_their_labels() -> None:
    values = {"date": "2024-01-31", "text": "abc", "number": "12.50", "flag": "yes"}
    for dataset in DATASETS.values():
        fields = [field for field in dataset.fields if (dataset.name, field.name) != ("sales", "line_ref")]
        for header in ({f.name: f.name for f in fields}, {f.name: f.label for f in fields}):
            row = {header[f.name]: f.choices[0] if f.choices else values[f.kind] for f in fields}
            found = guess(list(row), [row], dataset)
            assert found == header
            check(found, list(row), dataset)


def test_quantity_times_price_stands_in_for_a_missing_amount_alone() -> None:
    row = {"Date": "2024-01-31", "StockCode": "A", "Quantity": "2", "UnitPrice": "3.5"}
    assert guess(list(row), [row])["sales_amount"] == {"left": "Quantity", "op": "*", "right": "UnitPrice"}
    assert guess([*row, "Total"], [row | {"Total": "7"}])["sales_amount"] == "Total"
