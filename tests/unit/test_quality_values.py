"""Dates and numbers are read as people and programs write them."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from ml.etl.columns import NumberReader, TextReader
from ml.etl.dates import detect_format, parse_date
from ml.etl.mapping import FIELD
from ml.etl.numbers import NumberFormat

LAST_OF_JANUARY = date(2024, 1, 31)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31", "2024/01/31", "2024.1.31", "20240131", "2024-01-31T10:30:00Z", "2024-01-31 10:30:00.000",
        "31/01/2024", "31.01.2024", "31.1.24", "31-01-2024 00:00", " 31 Jan 2024 ", "31-Jan-24", "31. Januar 2024",
        "31 de enero de 2024", "January 31, 2024", "Jan 31st 2024", "31 januari 2024",
    ],
)  # fmt: skip
def test_dates_are_understood(text: str) -> None:
    assert parse_date(text) == LAST_OF_JANUARY


@pytest.mark.parametrize(
    "text",
    ["", "n/a", "2024-02-30", "31/31/2024", "12", "45000", "2024", "10:30", "1.5", "1234.5", "2024.05", "1234-05"],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_a_month_means_its_first_day() -> None:
    assert parse_date("2024-03") == date(2024, 3, 1)


@pytest.mark.parametrize(
    ("texts", "order", "note"),
    [
        (["2024-01-31", "2024-02-01"], "day-first", ""),
        (["31/01/2024", "01/02/2024"], "day-first", "read as day/month/year"),
        (["01/31/2024", "02/01/2024"], "month-first", "read as month/day/year"),
        (["01/02/2024", "03/04/2024"], "day-first", "fit day/month and month/day alike"),
        (["01/01/2024", "02/01/2024", "03/01/2024"], "month-first", "alike; they are read as month/day/year"),
    ],
)
def test_the_order_of_day_and_month_is_told_from_the_whole_column(texts: list[str], order: str, note: str) -> None:
    found = detect_format("Day", texts)
    assert found.order == order
    assert note in found.note
    assert bool(found.note) == bool(note)


def test_a_date_of_the_other_order_is_none() -> None:
    assert parse_date("31/01/2024", "month-first") is None


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("12.5", ".", 12.5), ("-12.5", ".", -12.5), ("+3", ".", 3), (".5", ".", 0.5), ("1e3", ".", 1000),
        ("1,234.50", ".", 1234.5), ("1,234,567", ".", 1234567), ("$1,234.50", ".", 1234.5), ("(12.50)", ".", -12.5),
        ("12.50-", ".", -12.5), ("USD 12", ".", 12), ("1'234.50", ".", 1234.5), ("−7", ".", -7),
        ("12,5", ",", 12.5), ("1.234,50", ",", 1234.5), ("1 234,50", ",", 1234.5), ("1\u202f234,50 €", ",", 1234.5),
        ("EUR 1.234", ",", 1234), ("-0,5", ",", -0.5),
    ],
)  # fmt: skip
def test_numbers_are_understood_one_by_one_and_by_the_column(text: str, decimal: str, number: float) -> None:
    assert NumberFormat(decimal).parse(text) == number
    found, problems = NumberReader(FIELD["sales_amount"], NumberFormat(decimal)).read(pa.array([text, "8"]))
    assert found.tolist() == [number, 8]
    assert problems.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("abc", "."), ("12 apples", "."), ("1.5", ","), ("1,5", "."), ("1.2.3", "."), ("--1", "."), ("nan", "."),
     ("inf", "."), ("ABC12", "."), ("2024-01-31", ".")],
)  # fmt: skip
def test_what_is_no_number_is_a_problem(text: str, decimal: str) -> None:
    assert NumberFormat(decimal).parse(text) is None
    reader = NumberReader(FIELD["sales_amount"], NumberFormat(decimal))
    assert "not a number" in reader.reasons[reader.read(pa.array([text, "8"]))[1][0]]


def test_numbers_are_rounded_to_what_the_tables_keep_and_zero_has_no_sign() -> None:
    found, _ = NumberReader(FIELD["sales_qty"], NumberFormat()).read(pa.array(["1.00004", "1.00006", "-0.00001", ""]))
    assert [str(number) for number in found] == ["1.0", "1.0001", "0.0", "nan"]


def test_an_empty_cell_is_a_problem_only_where_the_field_is_required() -> None:
    cells = pa.array(["", " ", "1"])
    for field, problem in (("sales_qty", 0), ("sales_amount", 1)):
        assert NumberReader(FIELD[field], NumberFormat()).read(cells)[1].tolist() == [problem, problem, 0]


def test_numbers_too_large_for_the_tables_are_problems() -> None:
    reader = NumberReader(FIELD["sales_amount"], NumberFormat())
    assert reader.reasons[reader.read(pa.array(["1e11"]))[1][0]].startswith("a number too large to keep")


def test_texts_are_normalised() -> None:
    found, problems = TextReader(FIELD["region"]).read(pa.array([" North   East ", "Zu\u0308rich", ""]))
    assert found.strings().to_pylist() == ["North East", "Zürich", ""]
    assert problems.tolist() == [0, 0, 0]


def test_the_length_of_a_text_is_counted_as_sql_server_does() -> None:
    reader = TextReader(FIELD["region"])
    texts = ["x" * 120, "x" * 121, "😀" * 60, "😀" * 61]
    assert reader.read(pa.array(texts))[1].tolist() == [0, 2, 0, 2]
