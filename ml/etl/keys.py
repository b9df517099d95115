"""The natural keys of sales rows: a hash of what a row says, and which of several equal rows it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ml.db.keys import hash_key
from ml.etl.columns import TextColumn

Hashes = npt.NDArray[np.uint64]
Lanes = tuple[Hashes, Hashes]

LANE_KEYS = ("forecastle-rows1", "forecastle-rows2")
ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
MIX = np.uint64(0xBF58476D1CE4E5B9)
UNITS = 10_000
"""Amounts are hashed as whole numbers of their 4th decimal."""
LONGEST = 1_000_000
"""Hashes in a run that is still merged with others, for which both are held twice."""


@dataclass(frozen=True)
class Said:
    """What rows say: days since 1970, numbers and texts, in an order that makes part of their keys."""

    days: npt.NDArray[np.int32]
    numbers: Sequence[npt.NDArray[np.float64]]
    texts: Sequence[TextColumn]


class RowKeys:
    """Makes the keys of a file's rows, batch after batch in the order of the file.

    A key is the day in 2 bytes and 14 bytes of hash of all fields, and of how many equal rows came before it in the
    file: the same file gives the same keys again, and true duplicates differ. With the day in front the keys of a file
    in the order of its dates lie together in an index, which makes adding them twice as fast.
    """

    def __init__(self, source: str = "") -> None:
        """`source` tells apart the line ids of different sources."""
        self.again: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)
        """Which rows of the last call are equal to an earlier row of the file."""
        self._seen = SortedRuns()
        self._source = source

    def keys(self, said: Said) -> Any:
        """The keys of rows as an arrow array of 16 bytes each."""
        lanes = _lanes(said)
        occurrences = self._seen.count_and_add(lanes[1])
        again = self.again = occurrences > 0
        if again.any():
            for lane, odd in zip(lanes, ODD, strict=True):
                lane[again] = _mixed(lane[again], _whole(occurrences[again]), odd)
        return _packed(said.days, lanes)

    def line_keys(self, said: Said, lines: TextColumn) -> tuple[list[bytes], list[bytes | None]]:
        """Row keys and content keys where rows have line ids; a row without one has a key of its content alone."""
        row_keys: list[bytes] = self.keys(said).to_pylist()
        content_keys: list[bytes | None] = _packed(said.days, _lanes(said)).to_pylist()
        known = [hash_key("line", self._source, line) if line else None for line in lines.values]
        self.again &= np.array([line is None for line in known])[lines.codes]
        for row, code in enumerate(lines.codes.tolist()):
            line = known[code]
            if line is None:
                content_keys[row] = None
            else:
                row_keys[row] = line
        return row_keys, content_keys


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
        while self._runs and len(self._runs[-1]) <= len(run) <= LONGEST // 2:
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)


def _lanes(said: Said) -> Lanes:
    """Two independent hashes of each row."""
    wholes = [_whole(said.days), *(_whole(np.rint(number * UNITS)) for number in said.numbers)]
    first, second = (np.full(len(said.days), odd, dtype=np.uint64) for odd in ODD)
    for one, other in [*((whole, whole) for whole in wholes), *map(_text_lanes, said.texts)]:
        first, second = _mixed(first, one, ODD[0]), _mixed(second, other, ODD[1])
    return first, second


def _whole(values: npt.NDArray[Any]) -> Hashes:
    return values.astype(np.int64).view(np.uint64)


def _mixed(hashes: Hashes, values: Hashes, odd: np.uint64) -> Hashes:
    """Hashes into which values are mixed so that each bit, and the order of the values, counts (as splitmix64 does)."""
    mixed = (hashes ^ values) * odd
    mixed ^= mixed >> np.uint64(29)
    mixed *= MIX
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _text_lanes(column: TextColumn) -> Lanes:
    values = np.array(column.values, dtype=object)
    first, second = (pd.util.hash_array(values, hash_key=key, categorize=False) for key in LANE_KEYS)
    return first[column.codes], second[column.codes]


def _packed(days: npt.NDArray[np.int32], lanes: Lanes) -> Any:
    packed = np.empty((len(days), 16), dtype=np.uint8)
    packed[:, 0:8] = lanes[0].astype(">u8").view(np.uint8).reshape(-1, 8)
    packed[:, 0:2] = days.astype(">u2").view(np.uint8).reshape(-1, 2)
    packed[:, 8:16] = lanes[1].astype(">u8").view(np.uint8).reshape(-1, 8)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(days), [None, pa.py_buffer(packed)])
