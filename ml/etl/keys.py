"""The natural keys of sales rows: a hash of what a row says, and which of several equal rows it is."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.db.keys import SEPARATOR

Hashes = npt.NDArray[np.uint64]


class RowKeys:
    """Makes the keys of a file's rows, batch after batch in the order of the file.

    A row's key is `hash_key(*fields, n)`, where n counts the equal rows before it in the
    same file: the same file gives the same keys again, and true duplicates differ.
    """

    def __init__(self) -> None:
        self._seen = SortedRuns()

    def keys(self, fields: Sequence[Any]) -> list[bytes]:
        """The 16-byte keys of rows given as arrow arrays of text, one array a field."""
        rows = _join(fields)
        first = SEPARATOR.encode() + b"0"
        keys = [blake2b(row + first, digest_size=16).digest() for row in rows]
        occurrences = self._seen.count_and_add(_prefixes(keys))
        for row in np.flatnonzero(occurrences):
            number = f"{SEPARATOR}{occurrences[row]}".encode()
            keys[row] = blake2b(rows[row] + number, digest_size=16).digest()
        return keys


class SortedRuns:
    """Counts how often each of many hashes was seen, in 8 bytes a hash.

    A log-structured merge: sorted runs, of which equally long ones are merged, so that
    n batches cost n log n searches. A dictionary of 5,000,000 keys would take 800 MB.
    """

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def count_and_add(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """For each hash how many equal ones came before it, in this call or an earlier one."""
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        counts = np.empty(len(hashes), dtype=np.int64)
        counts[order] = np.arange(len(hashes)) - np.searchsorted(ordered, ordered, side="left")
        for run in self._runs:
            left = np.searchsorted(run, ordered, side="left")
            found = np.flatnonzero(run[np.minimum(left, len(run) - 1)] == ordered)
            right = np.searchsorted(run, ordered[found], side="right")
            counts[order[found]] += right - left[found]
        self._add(ordered)
        return counts

    def _add(self, run: Hashes) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)


def _join(fields: Sequence[Any]) -> list[bytes]:
    joined = pc.binary_join_element_wise(*fields, SEPARATOR)
    rows: list[bytes] = pc.cast(joined, pa.binary()).to_pylist()
    return rows


def _prefixes(keys: Sequence[bytes]) -> Hashes:
    """The first half of each key: equal by chance once in some 10^12 files of a million rows."""
    return np.frombuffer(b"".join(keys), dtype=np.uint64)[::2]
