"""The rows of a file in batches of columns of text, whatever its format. Needs pyarrow: for jobs only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from ml.etl.sources.batch import Batch, Reader, TextRows
from ml.etl.sources.csv_rows import CsvReader
from ml.etl.sources.json_lines import json_rows
from ml.etl.sources.parquet_file import ParquetReader
from ml.etl.sources.sample import FileSample, Malformed
from ml.etl.sources.workbook import workbook_rows

__all__ = ["Batch", "Malformed", "Reader", "open_rows"]


def open_rows(file: IO[bytes], sample: FileSample, columns: Sequence[str] | None = None) -> Reader:
    """A reader of the rows below the header; `columns` are those that are wanted, all by default.

    Raises SourceError, now or while it is read, where the file cannot be read to its end.
    """
    wanted = list(columns or sample.columns)
    match sample.format:
        case "jsonl":
            return TextRows(json_rows(file, sample, wanted), wanted)
        case "xlsx":
            return TextRows(workbook_rows(file, sample, wanted), wanted)
        case "parquet":
            return ParquetReader(file, wanted)
    return CsvReader(file, sample, wanted)
