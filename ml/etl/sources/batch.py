"""Batches of rows as columns of text, and building them from rows. Needs pyarrow: for jobs only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ml.etl.sources.arrow_texts import text_array
from ml.etl.sources.sample import Malformed

ROWS = 16_384
"""The most rows in a batch that is built from rows."""

CHARACTERS = 8 << 20
"""A batch that is built from rows ends when it holds so many."""


@dataclass(frozen=True)
class Batch:
    """Some consecutive rows: their numbers (1 is the first below the header) and their cells by column."""

    numbers: npt.NDArray[np.int32]
    columns: dict[str, Any]

    def __len__(self) -> int:
        return len(self.numbers)


class Reader(Protocol):
    """Reads the rows of a source from its start, batch by batch."""

    def __iter__(self) -> Iterator[Batch]:
        """The batches; raises SourceError where the source cannot be read on."""

    def take_malformed(self) -> list[Malformed]:
        """The malformed rows met since the last call; after the last batch there may be some more."""


class TextRows:
    """Batches from rows that come one by one, as (number, a text for each column) or as Malformed."""

    def __init__(self, rows: Iterable[tuple[int, Sequence[str]] | Malformed], columns: Sequence[str]) -> None:
        self._rows = rows
        self._columns = list(columns)
        self._malformed: list[Malformed] = []

    def __iter__(self) -> Iterator[Batch]:
        numbers: list[int] = []
        cells: list[Sequence[str]] = []
        characters = 0
        for row in self._rows:
            if isinstance(row, Malformed):
                self._malformed.append(row)
                continue
            numbers.append(row[0])
            cells.append(row[1])
            characters += sum(map(len, row[1]))
            if len(numbers) == ROWS or characters > CHARACTERS:
                yield self._batch(numbers, cells)
                numbers, cells, characters = [], [], 0
        if numbers:
            yield self._batch(numbers, cells)

    def take_malformed(self) -> list[Malformed]:
        """The malformed rows met since the last call."""
        taken, self._malformed = self._malformed, []
        return taken

    def _batch(self, numbers: list[int], cells: list[Sequence[str]]) -> Batch:
        columns = dict(zip(self._columns, map(text_array, zip(*cells, strict=True)), strict=True))
        return Batch(np.array(numbers, dtype=np.int32), columns)
