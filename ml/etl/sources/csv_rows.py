"""The rows of a CSV file, parsed by pyarrow in blocks, with their row numbers. For jobs only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.errors import SourceError
from ml.etl.sources.batch import Batch
from ml.etl.sources.encoding import Utf8Reader, decompressed
from ml.etl.sources.sample import FileSample, Malformed

BLOCK = 2 << 20
"""Bytes that are read and parsed at a time; a row must fit into them."""


class CsvReader:
    """Reads a file from its start, batch by batch."""

    def __init__(self, file: IO[bytes], sample: FileSample, columns: Sequence[str] | None = None) -> None:
        """`columns` are those that are wanted, all by default."""
        self._malformed: list[Malformed] = []
        self._skipped: deque[int] = deque()  # their numbers, until the rows around them are numbered
        self._columns = list(columns or sample.columns)
        self._sample = sample
        self._file = file

    def __iter__(self) -> Iterator[Batch]:
        """The batches; raises SourceError where the file cannot be parsed on."""
        start = 0  # 0 is the header
        for record_batch in self._record_batches():
            numbers = self._numbers(start, record_batch.num_rows)
            first = 1 if start == 0 else 0
            columns = dict(zip(self._columns, record_batch.slice(first).columns, strict=True))
            yield Batch(numbers[first:].astype(np.int32), columns)
            start = int(numbers[-1]) + 1

    def take_malformed(self) -> list[Malformed]:
        """The malformed rows met since the last call; after the last batch there may be some more."""
        taken, self._malformed = self._malformed, []
        return taken

    def _record_batches(self) -> Iterator[Any]:
        source = Utf8Reader(decompressed(self._file), self._sample.encoding)
        try:
            for record_batch in arrow_csv.open_csv(source, **self._options()):
                if record_batch.num_rows:
                    yield record_batch
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"the file cannot be read as CSV to its end ({error}). Look for a quotation mark that is opened "
                f"and never closed, or a row longer than {BLOCK >> 20} MB."
            ) from error

    def _options(self) -> dict[str, Any]:
        names = self._sample.columns
        return {
            # Without threads a malformed row is reported with its number.
            "read_options": arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=self._sample.delimiter, newlines_in_values=True, invalid_row_handler=self._set_aside
            ),
            "convert_options": arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                include_columns=self._columns,
                check_utf8=False,  # Utf8Reader writes nothing else
            ),
        }

    def _set_aside(self, row: Any) -> str:
        cells = self._split(row.text)
        named = dict(zip(self._sample.columns, cells, strict=False))
        if extra := cells[len(self._sample.columns) :]:
            named["more fields"] = self._sample.delimiter.join(extra)
        self._skipped.append(row.number - 1)
        self._malformed.append(Malformed(row.number - 1, row.actual_columns, row.expected_columns, named))
        return "skip"

    def _split(self, text: str) -> list[str]:
        try:
            return next(csv.reader([text], delimiter=self._sample.delimiter), [])
        except csv.Error:  # a field without end
            return [text]

    def _numbers(self, start: int, count: int) -> npt.NDArray[np.int64]:
        """The numbers of the next `count` good rows, `start` being the next of all rows."""
        end, skipped = start + count, []
        while self._skipped and self._skipped[0] < end:
            skipped.append(self._skipped.popleft())
            end += 1
        return np.setdiff1d(np.arange(start, end), skipped, assume_unique=True)
