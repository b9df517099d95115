"""Excel workbooks: the table is found among titles and sheets, and cells read as openpyxl reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest

from ml.errors import SourceError
from ml.etl.sources.files import FileSample, inspect
from ml.etl.sources.rows import open_rows
from ml.etl.sources.texts import text_of
from ml.etl.sources.workbook_cells import is_date_format

ROWS = [["Date", "Item", "Amount"], [date(2024, 1, 31), "A", 12.5], [date(2024, 2, 29), "B", 3]]


def workbook(**sheets: list[list[Any]]) -> io.BytesIO:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file


def rewritten(file: io.BytesIO, path: str, change: Callable[[str], str]) -> io.BytesIO:
    """A workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()) if name == path else content)
    return out


def rows_of(file: io.BytesIO, sample: FileSample) -> list[tuple[int, ...]]:
    found = []
    for batch in open_rows(file, sample):
        texts = [column.to_pylist() for column in batch.columns.values()]
        found += list(zip(batch.numbers.tolist(), *texts, strict=True))
    return found


def test_columns_rows_and_types_become_canonical_texts() -> None:
    file = workbook(Sales=ROWS)
    found = inspect(file, "sales.xlsx")
    assert found.dialect == {"format": "xlsx", "sheet": "Sales"}
    assert found.columns == ["Date", "Item", "Amount"]
    assert found.rows[0] == {"Date": "2024-01-31", "Item": "A", "Amount": "12.5"}
    assert rows_of(file, found) == [(1, "2024-01-31", "A", "12.5"), (2, "2024-02-29", "B", "3")]


def test_titles_above_and_an_index_beside_the_table_are_no_columns() -> None:
    titled = [["Sales of the north"], [], ["Printed", date(2024, 3, 1)], *([None, *row] for row in ROWS)]
    found = inspect(workbook(Sales=titled), "sales.xlsx")
    assert found.columns == ["Date", "Item", "Amount"]
    indexed = [[None, *ROWS[0]], [0, *ROWS[1]], [1, *ROWS[2]]]
    assert inspect(workbook(Sales=indexed), "sales.xlsx").columns == ["column 1", "Date", "Item", "Amount"]


def test_the_first_sheet_with_a_table_is_taken_and_another_one_can_be_chosen() -> None:
    file = workbook(Cover=[["Report"]], North=ROWS, South=[["Day", "Units"], [date(2024, 1, 1), 5]])
    found = inspect(file, "sales.xlsx")
    assert (found.sheet, found.sheets) == ("North", ("Cover", "North", "South"))
    south = inspect(file, "sales.xlsx", {"sheet": "South"})
    assert rows_of(file, south) == [(1, "2024-01-01", "5")]
    with pytest.raises(SourceError, match="no sheet 'West'; it has 'Cover', 'North', 'South'"):
        inspect(file, "sales.xlsx", {"sheet": "West"})


def test_cells_are_read_as_openpyxl_reads_them() -> None:
    values = [
        0, -1, 1.1, 1e-7, 1e20, 123456789012, True, False, "text", " 1,5 ", "a\nb", "ümlaut 漢字 🚚", "<&>",
        datetime(2024, 2, 29, 13, 30, 15), date(1999, 12, 31), time(8, 30), "#N/A", None, "'=1",
    ]  # fmt: skip
    file = workbook(Sheet=[["Value", "Row"], *([value, number] for number, value in enumerate(values))])
    sheet = openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets[0]
    expected = [text_of(row[0]) for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert [texts[1] for texts in rows_of(file, inspect(file, "values.xlsx"))] == expected


SHARED = """<?xml version="1.0"?><x:sst xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
<x:si><x:t>Date</x:t></x:si><x:si><x:r><x:t>It</x:t></x:r><x:r><x:t>em</x:t></x:r><x:rPh><x:t>no</x:t></x:rPh></x:si>
<x:si><x:t xml:space="preserve"> A </x:t></x:si></x:sst>"""
SHARING = """<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c t="str"><v>2024-01-31</v></c><c t="s"><v>2</v></c></row>
</sheetData></worksheet>"""


def sharing(strings: str) -> io.BytesIO:
    """A workbook whose texts are shared strings."""
    file = rewritten(workbook(Sales=ROWS), "xl/worksheets/sheet1.xml", lambda _: SHARING)
    relation = '<Relationship Id="s" Type="http://x/sharedStrings" Target="Texts.xml"/></Relationships>'
    file = rewritten(file, "xl/_rels/workbook.xml.rels", lambda xml: xml.replace("</Relationships>", relation))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/Texts.xml", strings)
    return file


def test_shared_strings_are_read_with_their_runs_and_without_their_pronunciation() -> None:
    found = inspect(sharing(SHARED), "sales.xlsx")
    assert found.rows == [{"Date": "2024-01-31", "Item": " A "}]


@pytest.mark.parametrize(
    ("strings", "reason"),
    [
        (SHARED.replace("<x:sst", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x:sst'), "document type"),
        (SHARED.replace("<x:si><x:t>Date</x:t></x:si>", ""), "no text number 2"),
        (SHARED[:200], "no text number"),
        ("<sst><si></sst>", "damaged"),
    ],
)
def test_damaged_shared_strings_are_refused(strings: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        inspect(sharing(strings), "sales.xlsx")


def test_escaped_characters_are_those_that_excel_shows() -> None:
    file = workbook(Sheet=[["Value", "Row"], ["a_x0009_b", 1], ["_x005F_x0009_", 2]])
    assert [row["Value"] for row in inspect(file, "values.xlsx").rows] == ["a\tb", "_x0009_"]


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    book = openpyxl.Workbook()
    book.epoch = datetime(1904, 1, 1)
    for row in ROWS:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    assert inspect(file, "mac.xlsx").rows[0]["Date"] == "2024-01-31"


def test_formulas_give_the_value_that_was_last_calculated() -> None:
    cell = '<c r="C2"><f>6*2</f><v>12</v></c>'
    file = rewritten(
        workbook(Sales=ROWS),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace('<c r="C2" t="n"><v>12.5</v></c>', cell),
    )
    assert inspect(file, "sales.xlsx").rows[0]["Amount"] == "12"


def test_gaps_keep_row_numbers_and_wider_rows_are_malformed() -> None:
    late = [[date(2024, 3, 1), f"late {number}", number] for number in range(90)]
    file = workbook(Sales=[*ROWS, [], [], *late, [date(2024, 5, 1), "C", 1, None, "a remark"]])
    found = inspect(file, "sales.xlsx")
    reader = open_rows(file, found, ["Item"])
    numbers = [number for batch in reader for number in batch.numbers.tolist()]
    assert numbers == [1, 2, *range(5, 95)]
    (malformed,) = reader.take_malformed()
    assert (malformed.number, malformed.fields, malformed.expected) == (95, 5, 3)
    assert malformed.row["more fields"] == "a remark"


@pytest.mark.parametrize(
    ("code", "is_date"),
    [
        ("yyyy-mm-dd", True), ("[$-409]d/m/yy h:mm", True), ('dd"."mm', True), ("mmm", True), ("General", False),
        ("0.00", False), ('0 "days"', False), ("[Red]0.00", False), ("[h]:mm", False), ("#,##0\\d", False),
        ('_-* #,##0.00 "kr"_-', False), ("0.00E+00", False),
    ],
)  # fmt: skip
def test_number_formats_of_dates_are_told(code: str, is_date: bool) -> None:
    assert is_date_format(code) is is_date


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (workbook(Cover=[["Report"]]), "holds no table"),
        (workbook(Sales=ROWS[:1]), "no rows below"),
        (workbook(Sales=ROWS[1:]), "no header"),
        (workbook(Sales=[[f"c{i}" for i in range(1_001)], [1] * 1_001]), "beyond column 1,000"),
    ],
)
def test_what_holds_no_table_is_refused_with_the_reason(file: io.BytesIO, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        inspect(file, "sales.xlsx")


@pytest.mark.parametrize(
    ("member", "reason"),
    [("xl/vbaProject.bin", "with macros"), ("xl/workbook.bin", "binary workbook"), ("readme.txt", "no Excel workbook")],
)
def test_other_zip_files_are_told(member: str, reason: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(SourceError, match=reason):
        inspect(file, "sales.xlsx")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), r"old Excel workbook \(.xls\)"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
)
def test_old_and_protected_workbooks_are_told(content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        inspect(io.BytesIO(content), "sales.xls")
