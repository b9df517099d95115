"""JSON lines: columns from names, within objects too; no digit is lost, and a broken line spoils only itself."""

from __future__ import annotations

import gzip
import io
import json

import pytest

from ml.errors import SourceError
from ml.etl.sources import json_lines
from ml.etl.sources.files import FileSample, inspect
from ml.etl.sources.rows import open_rows

LINES = (
    b'{"date": "2024-01-31", "item": {"code": "A", "tags": ["x", "y"]}, "amount": 12.50}\n{"date": null, "vip": true}\n'
)


def look(content: bytes) -> FileSample:
    return inspect(io.BytesIO(content), "sales.jsonl")


@pytest.mark.parametrize("encode", [bytes, gzip.compress, lambda text: text.decode().encode("utf-16")])
def test_columns_are_all_names_and_values_are_texts(encode) -> None:  # type: ignore[no-untyped-def]
    found = look(encode(LINES))
    assert found.format == "jsonl"
    assert found.columns == ["date", "item.code", "item.tags", "amount", "vip"]
    assert [list(row.values()) for row in found.rows] == [
        ["2024-01-31", "A", '["x", "y"]', "12.50", ""],
        ["", "", "", "", "true"],
    ]


def test_a_small_file_may_be_one_array_but_not_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps([{"date": "2024-01-31", "amount": 1}] * 3, indent=2).encode()
    assert len(look(content).rows) == 3
    monkeypatch.setattr(json_lines, "ARRAY", 100)
    with pytest.raises(SourceError, match="one object a line"):
        look(content)


def test_numbers_stay_as_they_are_written() -> None:
    digits = "9" * 5_000
    found = look(f'{{"a": {digits}, "b": 0.1000000000000000055, "c": NaN, "d": 1e400}}\n'.encode())
    assert list(found.rows[0].values()) == [digits, "0.1000000000000000055", "", "1e400"]


def test_a_broken_line_is_malformed_and_rows_keep_their_numbers() -> None:
    lines = [b'{"day": "2024-01-31", "amount": 1}'] * 5
    lines[1], lines[3] = b'{"day": ', b"[1, 2]"
    file = io.BytesIO(b"\n\n".join(lines))
    reader = open_rows(file, inspect(file, "sales.jsonl"), ["amount"])
    assert [number for batch in reader for number in batch.numbers.tolist()] == [1, 3, 5]
    malformed = reader.take_malformed()
    assert [row.number for row in malformed] == [2, 4]
    assert "no JSON" in malformed[0].reason
    assert "no object" in malformed[1].reason


def test_halves_of_characters_and_nul_become_unreadable() -> None:
    file = io.BytesIO(b'{"a": "x\\ud800", "b": "\\u0000", "c": 1}\n')
    (batch,) = open_rows(file, inspect(file, "sales.jsonl"))
    assert [column.to_pylist() for column in batch.columns.values()] == [["x\ufffd"], ["\ufffd"], ["1"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"day": "2024-01-31"', "no JSON"),
        (b"{}\n", "no object"),
        (b'{\n  "day": "2024-01-31"\n}\n', "no JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'[{"a": 1}, ', "array cannot be read"),
        (json.dumps({f"c{number}": 1 for number in range(1_001)}).encode(), "1,001 columns"),
        (b'{"a": "' + b"x" * (5 << 20) + b'"}', "longer than 4 MB"),
    ],
)
def test_what_is_no_json_lines_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        look(content)
