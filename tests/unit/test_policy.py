"""Policies are read from JSON with errors that name the key, and bound dates, numbers and codes."""

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

from ml.etl.cells import Checks
from ml.etl.columns import Known
from ml.etl.datasets import DATASETS, STOCK
from ml.etl.policy import Policy, PolicyError, Volume
from ml.etl.quality import CheckedBatch, Checker, Rejection
from ml.etl.rules import rules
from ml.etl.sources.rows import Batch
from ml.etl.survey import Survey

TODAY = date(2024, 6, 1)
SALES_COLUMNS = {"sale_date": "Day", "area": "Town", "product_code": "Item", "sales_amount": "Sum"}
WHOLE = {
    "max_rejected_share": 0.05,
    "max_rejected_rows": 10,
    "max_days_ahead": 0,
    "earliest_date": "2015-01-01",
    "ranges": {"sales_amount": [-100.0, None]},
    "unknown_products": "reject",
    "unknown_areas": "reject",
    "product_map": {"old": "new"},
    "area_map": {"NYC": "New York"},
    "max_age_days": 7,
    "stale": "refuse",
    "volume": {"drop": 0.25, "jump": 4.0, "then": "refuse"},
    "duplicates": "drop",
}


def checked(
    rows: list[tuple[str, str, str, str]], policy: dict[str, Any], known: dict[str, Known] | None = None
) -> tuple[Checker, CheckedBatch, list[Rejection]]:
    """Check rows of day, town, item and sum under a policy."""
    columns = dict(zip(("Day", "Town", "Item", "Sum"), map(pa.array, zip(*rows, strict=True)), strict=True))
    checks = Checks(TODAY, Policy.from_dict(policy), known or {})
    checker = Checker(rules(SALES_COLUMNS), Survey(len(rows)), checks)
    return checker, *checker.check(Batch(np.arange(1, len(rows) + 1, dtype=np.int32), columns))


def test_a_policy_comes_back_as_it_was_given_and_the_defaults_are_nothing() -> None:
    assert Policy.from_dict(WHOLE).to_dict() == WHOLE
    assert Policy.from_dict(None).to_dict() == Policy.from_dict({}).to_dict() == {}
    assert Policy.from_dict({"volume": None}).to_dict() == {"volume": None}
    assert Policy.from_dict({"volume": {"drop": 0.1}}).volume == Volume(drop=0.1)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"max_rejects": 1}, "unknown key 'max_rejects'; expected some of max_rejected_share"),
        ({"max_rejected_share": 5}, "max_rejected_share is 5; expected a share from 0 to 1"),
        ({"max_rejected_rows": 1.5}, "max_rejected_rows is 1.5; expected a whole number"),
        ({"max_days_ahead": True}, "max_days_ahead is True; expected a whole number from 0 to 3,660"),
        ({"earliest_date": "1.1.2020"}, "earliest_date is '1.1.2020'; expected a date"),
        ({"ranges": {"sales_amount": [5, 1]}}, "ranges.sales_amount is [5, 1]; expected the least before the most"),
        ({"ranges": {"sales_amount": 5}}, "expected [least, most], null for none"),
        ({"ranges": {"region": [0, 1]}}, "'region', no number field of Sales; expected some of sales_amount"),
        ({"unknown_products": "map"}, "unknown_products is 'map'; expected one of create, reject"),
        ({"product_map": {"A": ""}}, "product_map is ''; expected a code"),
        ({"area_map": []}, "area_map is []; expected an object"),
        ({"volume": {"drop": 2}}, "volume.drop is 2"),
        ({"volume": {"then": "stop"}}, "volume.then is 'stop'; expected one of warn, refuse"),
        ({"volume": {"rise": 2}}, "expected some of drop, jump, then"),
        ({"duplicates": "merge"}, "duplicates is 'merge'; expected one of keep, drop, refuse"),
    ],
)
def test_a_wrong_policy_is_refused_with_key_value_and_expectation(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(reason)):
        Policy.from_dict(said)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)) | st.text(max_size=5), values, max_size=4))
def test_any_json_is_a_policy_or_refused_with_a_message(said: dict[str, Any]) -> None:
    for dataset in DATASETS.values():
        with suppress(PolicyError):
            policy = Policy.from_dict(said, dataset)
            assert Policy.from_dict(policy.to_dict(), dataset) == policy


def test_dates_are_bounded_and_those_ahead_are_counted() -> None:
    days = ["2019-12-31", "2020-01-01", "2024-06-01", "2024-06-11", "2024-06-12"]
    policy = {"earliest_date": "2020-01-01", "max_days_ahead": 10}
    checker, good, rejected = checked([(day, "X", "A", "1") for day in days], policy)
    assert len(good) == 3
    assert [(one.value, one.reason) for one in rejected] == [
        ("2019-12-31", "a date before 2020-01-01, the earliest allowed"),
        ("2024-06-12", "a date too far in the future; expected 2024-06-11 at the latest"),
    ]
    assert checker.notes == ["1 rows lie in the future by their date; they are loaded as they stand."]


def test_numbers_are_bounded_by_the_policy_and_by_their_field() -> None:
    _, good, rejected = checked(
        [("2024-01-01", "X", "A", number) for number in ("-5", "-6", "100", "100.01")],
        {"ranges": {"sales_amount": [-5, 100]}},
    )
    assert good.numbers["sales_amount"].tolist() == [-5, 100]
    assert [(one.value, one.reason) for one in rejected] == [
        ("-6", "out of range; expected -5 to 100"),
        ("100.01", "out of range; expected -5 to 100"),
    ]
    assert Policy.from_dict({"ranges": {"on_hand": [0, None]}}, STOCK).ranges == {"on_hand": (0, None)}


def test_codes_are_replaced_first_and_unknown_ones_rejected_then() -> None:
    known = {
        "product_code": Known(frozenset({"A-1", "B"}), {"old 1": "A-1"}),
        "area": Known(None, {"NYC": "New York"}),
    }
    rows = [("2024-01-01", "NYC", " old  1 ", "1"), ("2024-01-01", "Rome", "B", "1"), ("2024-01-01", "", "C", "1")]
    _, good, (found,) = checked(rows, {}, known)
    assert good.texts["product_code"].strings().to_pylist() == ["A-1", "B"]
    assert good.texts["area"].strings().to_pylist() == ["New York", "Rome"]
    assert (found.row_number, found.column, found.value) == (3, "Item", "C")
    assert found.reason.startswith("an unknown product code; expected one that is there already")
