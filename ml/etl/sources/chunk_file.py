"""Fetched rows as a Parquet file of text columns, whatever columns turn up on the way. Needs pyarrow: for jobs only."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet

from ml.etl.sources.chunks import Chunk
from ml.progress import Progress

GROUP = 20_000
"""Rows that are gathered before they are written: row groups of a few rows make large files."""


def write_chunks(chunks: Iterable[Chunk], file: IO[bytes], progress: Progress) -> tuple[int, list[str]]:
    """Write rows into `file`; returns their number and the columns. Memory holds a group of rows, not all of them.

    Records of an API need not have the same fields. Rows with new ones begin another part; in the end the parts become
    one file, in which the earlier rows have '' there.
    """
    parts, rows = list[_Part](), 0
    try:
        for chunk in chunks:
            if not parts or set(chunk.columns) - set(parts[-1].columns):
                known = parts[-1].columns if parts else []
                parts.append(_Part([*known, *(name for name in chunk.columns if name not in known)]))
            parts[-1].add(chunk)
            rows += len(chunk.rows)
            progress("fetching", rows, 0)
        columns = parts[-1].columns if parts else []
        _merge(parts, columns, file)
    finally:
        for part in parts:
            part.close()
    file.seek(0)
    return rows, columns


class _Part:
    """Rows of the same columns, in a file of their own."""

    def __init__(self, columns: list[str]) -> None:
        self.columns = columns
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `write_chunks`)
        self._rows: list[list[str]] = []
        self._writer = parquet.ParquetWriter(self.file, _schema(columns), compression="zstd")

    def add(self, chunk: Chunk) -> None:
        """Append rows, in the part's order of columns."""
        if chunk.columns == self.columns:
            self._rows.extend(chunk.rows)
        else:
            positions = [chunk.columns.index(name) if name in chunk.columns else None for name in self.columns]
            self._rows.extend([row[at] if at is not None else "" for at in positions] for row in chunk.rows)
        if len(self._rows) >= GROUP:
            self._flush()

    def batches(self) -> Any:
        """The rows as record batches, once all are added."""
        self._flush()
        self._writer.close()
        self.file.seek(0)
        yield from parquet.ParquetFile(self.file).iter_batches(GROUP, use_threads=False)

    def close(self) -> None:
        """Give the disk space back, finished or not."""
        self._writer.close()
        self.file.close()

    def _flush(self) -> None:
        if self._rows:
            arrays = [pa.array(cells, pa.string()) for cells in zip(*self._rows, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=_schema(self.columns)))
            self._rows = []


def _merge(parts: list[_Part], columns: list[str], file: IO[bytes]) -> None:
    with parquet.ParquetWriter(file, _schema(columns), compression="zstd") as writer:
        for part in parts:
            for batch in part.batches():
                blank = pa.array([""] * len(batch), pa.string())
                arrays = [batch.column(name) if name in part.columns else blank for name in columns]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_schema(columns)))


def _schema(columns: list[str]) -> Any:
    return pa.schema([(name, pa.string()) for name in columns])
