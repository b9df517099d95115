"""Rows are told apart by what they say and by which of several equal rows they are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from ml.db.keys import hash_key
from ml.etl.keys import RowKeys, SortedRuns


def keys_of(rows: list[tuple[str, ...]], batch: int) -> list[bytes]:
    """The keys of rows that come in batches of a given length."""
    row_keys, found = RowKeys(), []
    for start in range(0, len(rows), batch):
        columns = zip(*rows[start : start + batch], strict=True)
        found += row_keys.keys([pa.array(column, pa.string()) for column in columns])
    return found


def naive_keys(rows: list[tuple[str, ...]]) -> list[bytes]:
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for row in rows:
        found.append(hash_key(*row, seen[row]))
        seen[row] += 1
    return found


def test_keys_equal_those_of_a_plain_loop_however_the_file_is_cut() -> None:
    rows = [(f"2024-01-{n * n % 9 + 1}", "äbc"[n * 7 % 3], str(n % 97 % 4)) for n in range(1_000)]
    expected = naive_keys(rows)
    assert len(set(expected)) == len(rows)
    for batch in (1_000, 333, 64, 7):
        assert keys_of(rows, batch) == expected


def test_fields_do_not_run_into_each_other() -> None:
    one, two = keys_of([("ab", "c"), ("a", "bc")], 2)
    assert one != two


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
