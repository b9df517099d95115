"""Parquet files, a batch at a time and without threads. pyarrow is imported where it is needed only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from ml.errors import SourceError
from ml.etl.sources.sample import SAMPLE_ROWS, Dialect, FileSample, check_width, unique_names

BATCH_ROWS = 16_384
MAX_ROWS = 100_000_000
MAX_GROUP = 1 << 30
"""Bytes that a row group's pages may hold unpacked."""

MAX_TEXT = 64 << 20
"""Bytes that the texts of a column may have in one batch; a small file can name one long text a million times."""

FOOTER = {"thrift_string_size_limit": 16 << 20, "thrift_container_size_limit": 1 << 20}


def inspect_parquet(file: IO[bytes], name: str, dialect: Dialect) -> FileSample:  # noqa: ARG001 - one signature
    """Columns and first rows of a Parquet file; raises SourceError for one that cannot be read as a plain table."""
    with _errors(), _open(file) as parquet:
        columns = unique_names(parquet.schema_arrow.names)
        check_width(len(columns), name)
        _check(parquet, name)
        first = next(_batches(parquet, range(len(columns)), SAMPLE_ROWS))
        texts = [column.to_pylist() for column in first]
    return FileSample(
        "parquet", "", "", columns, [dict(zip(columns, row, strict=True)) for row in zip(*texts, strict=True)]
    )


class ParquetReader:
    """Reads a Parquet file from its start, batch by batch."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self._file = file
        self._columns = list(columns)

    def __iter__(self) -> Iterator[Any]:
        """The batches; raises SourceError where the file is damaged."""
        import numpy as np  # noqa: PLC0415

        from ml.etl.sources.batch import Batch  # noqa: PLC0415

        start = 1
        with _errors(), _open(self._file) as parquet:
            _check(parquet, "the file")
            names = unique_names(parquet.schema_arrow.names)
            for texts in _batches(parquet, [names.index(column) for column in self._columns], BATCH_ROWS):
                stop = start + len(texts[0])
                yield Batch(np.arange(start, stop, dtype=np.int32), dict(zip(self._columns, texts, strict=True)))
                start = stop
            if start - 1 != parquet.metadata.num_rows:
                raise SourceError(
                    f"the Parquet file is damaged: it says that it has {parquet.metadata.num_rows:,} rows, "
                    f"and has {start - 1:,}. Write it again."
                )

    def take_malformed(self) -> list[Any]:
        """None: all rows of a Parquet file have the same columns."""
        return []


def _open(file: IO[bytes]) -> Any:
    from pyarrow import parquet  # noqa: PLC0415

    file.seek(0)
    found = parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20, **FOOTER)
    texts = [
        name for name, type_ in zip(found.schema_arrow.names, found.schema_arrow.types, strict=True) if _is_text(type_)
    ]
    file.seek(0)  # repeated texts stay numbers into a dictionary until their length is known
    return parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20, read_dictionary=texts, **FOOTER)


def _is_text(type_: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415

    return bool(types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_))


@contextmanager
def _errors() -> Iterator[None]:
    """Raise SourceError for what pyarrow says of a damaged file."""
    from pyarrow import ArrowException  # noqa: PLC0415

    try:
        yield
    except (ArrowException, OSError, MemoryError, ValueError, KeyError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:300]
        raise SourceError(f"the Parquet file is damaged or cut off ({reason}); write or upload it again.") from error


def _check(parquet: Any, name: str) -> None:
    """Raise SourceError for a file that is too large to read, or whose columns are no plain ones."""
    from pyarrow import types  # noqa: PLC0415

    schema, metadata = parquet.schema_arrow, parquet.metadata
    if not metadata.num_rows or not schema.names:
        raise SourceError(f"{name} has columns ({', '.join(schema.names[:5])}…) but no rows; nothing to import.")
    if metadata.num_rows > MAX_ROWS:
        raise SourceError(f"{name} has {metadata.num_rows:,} rows; at most {MAX_ROWS:,} are read. Split it.")
    for field in schema:
        if types.is_nested(field.type) or schema.names.count(field.name) > 1:
            what = f"holds {field.type} values" if types.is_nested(field.type) else "is given twice"
            raise SourceError(
                f"column {field.name!r} of {name} {what}; expected plain columns. Write it without, or as a text."
            )
    largest = max(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if largest > MAX_GROUP:
        raise SourceError(
            f"{name} has a row group of {largest >> 20:,} MB; at most {MAX_GROUP >> 20:,} MB are read at once. "
            "Write it with smaller row groups."
        )


def _batches(parquet: Any, positions: Sequence[int], rows: int) -> Iterator[list[Any]]:
    """The texts of the columns at some positions, up to `rows` rows at a time."""
    names = [parquet.schema_arrow.names[position] for position in positions]
    for batch in parquet.iter_batches(rows, columns=names, use_threads=False):
        yield [_texts(batch.column(name), name) for name in names]


def _texts(column: Any, name: str) -> Any:
    from ml.etl.sources.arrow_texts import text_bytes, text_column  # noqa: PLC0415

    if text_bytes(column) > MAX_TEXT:
        raise SourceError(
            f"the texts of column {name!r} are too long: {len(column):,} rows of it hold more than {MAX_TEXT >> 20} MB."
        )
    return text_column(column)
