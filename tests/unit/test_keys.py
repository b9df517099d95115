"""Rows are told apart by what they say and by which of several equal rows they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from ml.db.keys import hash_key
from ml.etl.columns import TextColumn
from ml.etl.keys import RowKeys, Said, SortedRuns

KNOWN = ["4a3802867c85b2e2800ac1ab01246415", "4a38bd2229c15b972ef71783266a214a"]
Row = tuple[int, float, str, str]


def text_column(values: Sequence[str]) -> TextColumn:
    distinct = sorted(set(values))
    return TextColumn(np.array([distinct.index(value) for value in values], dtype=np.int32), distinct)


def said(rows: list[Row]) -> Said:
    days, amounts, ones, others = zip(*rows, strict=True)
    return Said(np.array(days, np.int32), [np.array(amounts)], [text_column(ones), text_column(others)])


def keys_of(rows: list[Row], batch: int) -> list[bytes]:
    """The keys of rows that come in batches of a given length."""
    row_keys, found = RowKeys(), []
    for start in range(0, len(rows), batch):
        found += row_keys.keys(said(rows[start : start + batch])).to_pylist()
    return found


def test_keys_are_the_same_however_the_file_is_cut_and_differ_for_equal_rows() -> None:
    rows = [(n * n % 9, n % 4 / 4, "äbc"[n * 7 % 3], str(n % 97 % 4)) for n in range(1_000)]
    expected = keys_of(rows, 1_000)
    assert len(set(expected)) == len(rows)
    for batch in (333, 64, 7):
        assert keys_of(rows, batch) == expected


def test_keys_stay_the_same_in_every_version() -> None:
    """Stored keys are compared with new ones: should a library hash otherwise, all sales would load twice."""
    rows = [(19_000, 12.5, "Zürich", ""), (19_000, 12.5, "Zürich", "")]
    assert [key.hex() for key in keys_of(rows, 2)] == KNOWN


def test_keys_of_a_day_begin_alike() -> None:
    first, second, third = keys_of([(19_000, 1.0, "a", "b"), (19_000, 2.0, "a", "b"), (19_001, 1.0, "a", "b")], 3)
    assert first[:2] == second[:2] < third[:2]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((1, 1.0, "ab", "c"), (1, 1.0, "a", "bc")),
        ((1, 1.0, "a", ""), (1, 1.0, "", "a")),
        ((1, 1.0, "a", "b"), (1, 1.0001, "a", "b")),
        ((1, -1.0, "a", "b"), (1, 1.0, "a", "b")),
    ],
)
def test_fields_do_not_run_into_each_other(one: Row, two: Row) -> None:
    first, second = keys_of([one, two], 2)
    assert first != second


def test_a_line_id_makes_the_key_and_the_content_is_told_apart() -> None:
    rows = said([(1, 1.0, "a", "b"), (1, 2.0, "a", "b"), (1, 2.0, "a", "b")])
    keys, contents = RowKeys("7").line_keys(rows, text_column(["L-1", "L-1", ""]))
    assert keys[0] == keys[1] == hash_key("line", "7", "L-1")
    assert contents[0] != contents[1]
    assert contents[2] is None


def test_hashes_are_counted_over_all_calls() -> None:
    draw = np.random.default_rng(3)
    hashes = draw.integers(0, 200, 5_000).astype(np.uint64)
    runs, seen, start = SortedRuns(), Counter[int](), 0
    for size in (1, 2, 500, 40, 0, 3_000, 1_457):
        part = hashes[start : start + size]
        expected = []
        for value in part.tolist():
            expected.append(seen[value])
            seen[value] += 1
        assert runs.count_and_add(part).tolist() == expected
        start += size
    assert start == len(hashes)
