"""A file is checked row by row: what cannot be loaded is kept with its number, cell and reason."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from typing import Any

import pytest

from ml.errors import SourceError
from ml.etl import check, mapping
from ml.etl.cells import Checks
from ml.etl.check import check_file
from ml.etl.sources import csv_rows, files

TODAY = date(2024, 6, 1)
HEADER = "Date,Region,Item,Customer,Amount,Qty\n"
GOOD = "2024-01-31,North,A,C1,10.50,2\n"


def run(content: str | bytes, **fields: str) -> check.CheckedFile:
    """Check a file under the guessed mapping."""
    data = content.encode() if isinstance(content, str) else content
    sample = files.inspect(io.BytesIO(data), "sales.csv")
    return check_file(
        lambda: io.BytesIO(data), sample, mapping.guess(sample.columns, sample.rows) | fields, Checks(TODAY)
    )


def rejections(checked: check.CheckedFile) -> list[dict[str, Any]]:
    return [row for batch in checked.rejections.read() for row in batch.to_pylist()]


def good_rows(checked: check.CheckedFile) -> list[dict[str, Any]]:
    return [row for batch in checked.rows.read() for row in batch.to_pylist()]


def test_good_rows_come_out_typed() -> None:
    with run(HEADER + GOOD + "2024-02-01,South,B,,-3,\n") as checked:
        first, second = good_rows(checked)
        assert rejections(checked) == []
    assert (first["sale_date"], first["sales_amount"], first["sales_qty"]) == (date(2024, 1, 31), 10.5, 2)
    assert (second["sales_amount"], second["sales_qty"], second["customer"]) == (-3, 0, -1)
    assert checked.leaves == [(("North", "", ""), 0), (("South", "", ""), 1)]
    assert (checked.first_date, checked.last_date) == (date(2024, 1, 31), date(2024, 2, 1))


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        (",North,A,C1,10,2", "Date", "", "no date is given"),
        ("soon,North,A,C1,10,2", "Date", "soon", "not a date"),
        ("1969-12-31,North,A,C1,10,2", "Date", "1969-12-31", "before 1970"),
        (
            "2025-06-03,North,A,C1,10,2",
            "Date",
            "2025-06-03",
            "too far in the future; expected 2025-06-02 at the latest",
        ),
        ("2024-01-31,North,,C1,10,2", "Item", "", "no product code is given"),
        ("2024-01-31,North,A,C1,ten,2", "Amount", "ten", "not a number"),
        ("2024-01-31,North,A,C1,,2", "Amount", "", "no sales amount is given"),
        ("2024-01-31,North,A,C1,10,two", "Qty", "two", "not a number"),
        (f"2024-01-31,{'x' * 121},A,C1,10,2", "Region", "x" * 121, "longer than 120 characters"),
        (f"2024-01-31,North,{'x' * 81},C1,10,2", "Item", "x" * 81, "longer than 80 characters"),
    ],
)
def test_a_bad_cell_rejects_its_row_with_number_column_value_and_reason(
    row: str, column: str, value: str, reason: str
) -> None:
    with run(HEADER + GOOD + row + "\n" + GOOD) as checked:
        (found,) = rejections(checked)
        assert checked.rows.rows == 2
    assert (found["row_number"], found["column"], found["value"]) == (2, column, value)
    assert reason in found["reason"]
    assert ",".join(json.loads(found["row"]).values()) == row


def test_the_first_bad_cell_of_a_row_is_named() -> None:
    with run(HEADER + GOOD + "soon,North,,C1,ten,2\n") as checked:
        assert [row["column"] for row in rejections(checked)] == ["Date"]


def test_undecodable_bytes_reject_their_row_only() -> None:
    content = (HEADER + GOOD).encode("utf-8-sig") + b"2024-01-31,N\xf6rd,A,C1,10,2\n"
    with run(content) as checked:
        (found,) = rejections(checked)
        assert checked.rows.rows == 1
    assert (found["column"], found["reason"]) == ("Region", "the text cannot be decoded; save the file as UTF-8")


def test_malformed_rows_are_rejected_and_rows_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", 256)  # many batches
    lines = [GOOD.strip()] * 60
    lines[3], lines[20], lines[59] = "2024-01-31,North", "2024-01-31,North,A,C1,10,2,extra,more", "only one"
    lines[40] = "soon,North,A,C1,10,2"
    with run(HEADER + "\n".join(lines)) as checked:
        found = rejections(checked)
        assert checked.rows.rows == 56
        assert checked.rows_total == 60
    assert [row["row_number"] for row in found] == [4, 21, 41, 60]
    assert "the row has 2 fields where the header has 6" in found[0]["reason"]
    assert json.loads(found[1]["row"])["more fields"] == "extra,more"


def test_quoted_line_breaks_do_not_shift_row_numbers() -> None:
    with run(HEADER + '2024-01-31,"North\nEast",A,C1,10,2\n\n' + "soon,North,A,C1,10,2\n") as checked:
        assert [row["row_number"] for row in rejections(checked)] == [2]
        assert checked.leaves[0][0][0] == "North East"


def test_rows_without_any_content_are_left_out_and_noted() -> None:
    with run(HEADER + GOOD + ",,,,,\n" * 3) as checked:
        assert rejections(checked) == []
        assert checked.rows_total == 1
    assert checked.notes == ["3 empty rows were left out."]


def test_codes_of_rejected_rows_alone_are_not_gathered() -> None:
    with run(HEADER + GOOD + "soon,South,B,C2,1,1\n") as checked:
        assert [product.code for product in checked.products] == ["A"]
        assert [customer.code for customer in checked.customers] == ["C1"]
        assert len(checked.leaves) == 1


def test_date_order_and_decimal_comma_are_told_from_the_whole_file() -> None:
    lines = ["Datum;Artikel;Umsatz"] + ["01.02.2024;A;1.234"] * 200 + ["31.01.2024;B;1.234,50"]
    with run("\n".join(lines)) as checked:
        found = good_rows(checked)
    assert (found[0]["sale_date"], found[0]["sales_amount"]) == (date(2024, 2, 1), 1234)
    assert (found[-1]["sale_date"], found[-1]["sales_amount"]) == (date(2024, 1, 31), 1234.5)
    assert checked.notes == ["Dates in 'Datum' are read as day/month/year."]


def test_a_product_under_several_names_takes_the_most_frequent_and_is_a_conflict() -> None:
    header, row = "Date,Product ID,Product Name,Category,Amount\n", "2024-01-31,{},{},{},1\n"
    said = [("A", "Chair", "Seats"), ("A", "Stool", "Seats"), ("A", "Stool", "Seats"), ("B", "Desk", "Tables"),
            ("C", "", "Tables"), ("C", "Lamp", "Lights"), ("C", "Lamp", "Lights")]  # fmt: skip
    with run(header + "".join(row.format(*one) for one in said)) as checked:
        assert [(p.code, p.name, p.category) for p in checked.products] == [
            ("A", "Stool", "Seats"), ("B", "Desk", "Tables"), ("C", "Lamp", "Lights"),
        ]  # fmt: skip
    assert checked.conflicts == [
        {"code": "A", "names": ["Chair", "Stool"]},
        {"code": "C", "names": ["Tables", "Lights"]},
    ]


def test_a_quotation_mark_that_is_never_closed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "BLOCK", 1 << 12)
    with pytest.raises(SourceError, match="never closed"):
        run(HEADER + GOOD * 100 + '2024-01-31,"North,A,C1,10,2\n' + GOOD * 1_000)


def test_a_file_that_cannot_be_unpacked_to_its_end_is_reported_as_such() -> None:
    packed = gzip.compress((HEADER + GOOD * 1_000).encode(), mtime=0)
    sample = files.inspect(io.BytesIO(packed), "sales.csv.gz")
    fields = mapping.guess(sample.columns, sample.rows)
    with pytest.raises(SourceError, match="damaged or cut off"):
        check_file(lambda: io.BytesIO(packed[:-20]), sample, fields, Checks(TODAY))
