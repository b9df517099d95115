"""A file's encoding, delimiter and header are told, and what is no CSV file is refused with the reason."""

from __future__ import annotations

import gzip
import io

import pytest

from ml.errors import SourceError
from ml.etl.sources.files import SAMPLE_ROWS, FileSample, inspect

TEXT = "Datum;Größe;Umsatz\n2024-01-31;groß;1,5\n2024-02-01;klein;2,5\n"


def look(content: bytes, **dialect: str) -> FileSample:
    return inspect(io.BytesIO(content), "sales.csv", dialect)


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_told_and_the_text_is_read_in_it(encoding: str, told: str) -> None:
    found = look(TEXT.encode(encoding))
    assert found.encoding == told
    assert found.columns == ["Datum", "Größe", "Umsatz"]
    assert found.rows[0] == {"Datum": "2024-01-31", "Größe": "groß", "Umsatz": "1,5"}


def test_a_late_umlaut_decides_the_encoding_of_a_long_file() -> None:
    row = b"2024-01-31;plain;1\n"
    content = b"Day;Name;Amount\n" + row * 60_000 + "2024-01-31;Größe;1\n".encode("cp1252")
    assert look(content).encoding == "cp1252"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told(delimiter: str) -> None:
    rows = [["day", "name", "amount"], ["2024-01-31", "a", "1"], ["2024-02-01", "b", "2"]]
    assert look("\n".join(map(delimiter.join, rows)).encode()).delimiter == delimiter


def test_decimal_commas_do_not_pass_for_delimiters() -> None:
    assert look(b"day;amount;quantity\n2024-01-31;1,50;2,00\n2024-02-01;2,50;3,00\n").delimiter == ";"


def test_quoted_delimiters_and_line_breaks_stay_in_their_cell() -> None:
    found = look(b'day,name,amount\n2024-01-31,"a, b\nand c",1\n2024-02-01,d,2\n')
    assert [row["name"] for row in found.rows] == ["a, b\nand c", "d"]


def test_gzip_is_unpacked_and_the_file_left_at_its_start() -> None:
    file = io.BytesIO(gzip.compress(TEXT.encode()))
    assert inspect(file, "sales.csv.gz").columns == ["Datum", "Größe", "Umsatz"]
    assert file.tell() == 0


def test_only_the_first_rows_are_sampled() -> None:
    assert len(look(b"day,amount\n" + b"2024-01-31,1\n" * 500).rows) == SAMPLE_ROWS


def test_a_given_dialect_is_not_guessed_again() -> None:
    assert look(b"a,b;c\n1,2;3\n", encoding="cp1252", delimiter=";").columns == ["a,b", "c"]


def test_nameless_and_repeated_columns_get_names_of_their_own() -> None:
    assert look(b"day,,amount,amount\n2024-01-31,x,1,2\n").columns == ["day", "column 2", "amount", "amount (2)"]


def test_short_rows_are_filled_up() -> None:
    assert look(b"day,name,amount\n2024-01-31,a,1\n2024-02-01,b\n").rows[1]["amount"] == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"PK\x03\x04rest", "damaged Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (bytes(range(256)) * 4, "no text"),
        (b"day,amount\n2024-01-31,1\x00\n", "control character 0x00"),
        ("day,amount\n2024-01-31,1\0\n".encode("utf-16"), "NUL"),
        (b"day,name,amount\n", "no rows below it"),
        (b"day,name\n2024-01-31,\x81\xff\n", "neither UTF-8 nor Windows-1252"),
        (b"2024-01-31,a,1\n2024-02-01,b,2\n", "no header"),
        (b"Dear reader\nthis is a letter\nand no table\n", "no table"),
        (b"Dear reader, hello\nthis is prose\nwith few commas\nat all, you see, yes\n", "no table"),
        (b"amount\n1\n2\n", "no table"),
        (b",".join(b"c%d" % i for i in range(1_001)) + b"\n" + b"," * 1_000 + b"\n", "1,001 columns"),
        (gzip.compress(TEXT.encode() * 1_000)[:200], "damaged or cut off"),
        (b"a,b" * 600_000, "no line break"),
    ],
)
def test_what_is_no_csv_file_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        look(content)


@pytest.mark.parametrize(("encoding", "text"), [("cp1250", "Łódź"), ("iso-8859-15", "10 €"), ("mac-roman", "Größe")])
def test_other_encodings_are_taken_when_they_are_said(encoding: str, text: str) -> None:
    found = look(f"day;name\n2024-01-31;{text}\n2024-02-01;x\n".encode(encoding), encoding=encoding)
    assert found.rows[0]["name"] == text


@pytest.mark.parametrize(
    ("dialect", "reason"),
    [
        ({"encoding": "zlib"}, "cannot be read in the encoding 'zlib'; expected one of big5"),
        ({"delimiter": "ab"}, "cannot separate columns"),
        ({"delimiter": '"'}, "cannot separate columns"),
        ({"format": "ods"}, "said to be 'ods'; expected one of csv, jsonl"),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(dialect: dict[str, str], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        look(TEXT.encode(), **dialect)


def test_a_packed_file_may_hold_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    content = gzip.compress(TEXT.encode() * 50_000)
    assert look(content).columns
    monkeypatch.setenv("FORECASTLE_UNPACKED_MB", "1")
    with pytest.raises(SourceError, match="more than 1 MB unpacked"):
        look(content)
