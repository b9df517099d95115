"""Parquet: every plain type becomes its canonical text, and what would not fit into memory is refused."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ml.errors import SourceError
from ml.etl.sources import parquet_file
from ml.etl.sources.files import inspect
from ml.etl.sources.rows import open_rows

DAY, MOMENT = date(2024, 1, 31), datetime(2024, 1, 31, 8, 30, 15)


def written(columns: dict[str, Any], **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, **options)
    return file


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([DAY, None]), ["2024-01-31", ""]),
        (pa.array([datetime(2024, 1, 31), None], pa.timestamp("ns")), ["2024-01-31", ""]),
        (pa.array([MOMENT, None], pa.timestamp("us")), ["2024-01-31T08:30:15", ""]),
        (pa.array([datetime(2024, 1, 31, 23, tzinfo=UTC)], pa.timestamp("ms", "Asia/Tokyo")), ["2024-02-01T08:00:00"]),
        (pa.array([1.5, 2.0, float("nan"), None]), ["1.5", "2", "", ""]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([2**63 - 1, None]), [str(2**63 - 1), ""]),
        (pa.array([Decimal("12.5000")]), ["12.5000"]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array(["a", None, "nul\0"]), ["a", "", "nul\ufffd"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"\xff", b"ok"]), ["\ufffd", "ok"]),
        (pa.array([None, None]), ["", ""]),
    ],
    ids=str,
)
def test_values_become_canonical_texts(values: Any, texts: list[str]) -> None:
    file = written({"value": values})
    found = inspect(file, "sales.parquet")
    (batch,) = open_rows(file, found)
    assert batch.columns["value"].to_pylist() == texts
    assert [row["value"] for row in found.rows] == texts


def test_batches_number_their_rows_and_hold_the_wanted_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "BATCH_ROWS", 7)
    file = written({"a": range(20), "a.b": range(20), "c": ["x"] * 20}, row_group_size=5)
    batches = list(open_rows(file, inspect(file, "sales.parquet"), ["c", "a.b"]))
    assert [number for batch in batches for number in batch.numbers.tolist()] == list(range(1, 21))
    assert [text for batch in batches for text in batch.columns["a.b"].to_pylist()] == list(map(str, range(20)))
    assert list(batches[0].columns) == ["c", "a.b"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"a": [1], "tags": [["x"]]}, "column 'tags' of sales.parquet holds list<"),
        ({"a": [1], "at": [{"x": 1}]}, "column 'at' of sales.parquet holds struct<"),
        ({"a": pa.array([], pa.int64())}, "no rows"),
        ({f"c{number}": [1] for number in range(1_001)}, "1,001 columns"),
    ],
)
def test_what_is_no_plain_table_is_refused_with_the_reason(columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        inspect(written(columns), "sales.parquet")


def test_limits_hold_for_rows_row_groups_and_repeated_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    file = written({"a": range(1_000), "b": pa.array(["x" * 1_000] * 1_000).dictionary_encode()})
    for name, limit, reason in (
        ("MAX_ROWS", 999, "1,000 rows; at most 999"),
        ("MAX_GROUP", 100, "row group"),
        ("MAX_TEXT", 10_000, "texts of column 'b' are too long"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(parquet_file, name, limit)
            with pytest.raises(SourceError, match=reason):
                inspect(file, "sales.parquet")


def test_a_damaged_file_is_refused() -> None:
    content = written({"a": range(1_000)}).getvalue()
    for damaged in (content[:200], content[:-4] + b"PAR2", b"PAR1PAR1", content[:4] + b"\xff" * 900 + content[904:]):
        file = io.BytesIO(damaged)
        with pytest.raises(SourceError, match="damaged"):
            list(open_rows(file, inspect(file, "sales.parquet")))
