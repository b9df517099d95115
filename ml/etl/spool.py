"""Tables on their way through a job, kept in a temporary file so that memory does not grow with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyarrow import ipc


class Spool:
    """Batches written one after the other, then read back in the same order; the file goes with the object."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._writer = ipc.new_stream(self._file, schema)

    def write(self, columns: Mapping[str, Any], kept: Any = None) -> None:
        """Append rows given as columns (lists or arrays, numpy's or arrow's) by the names of the schema.

        `kept` marks those that are wanted, where not all are.
        """
        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        if kept is not None:
            arrays = [array.filter(pa.array(kept)) for array in arrays]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self.rows += len(arrays[0])

    def read(self) -> Iterator[Any]:
        """The batches, as arrow record batches."""
        self._writer.close()
        self._file.seek(0)
        with ipc.open_stream(self._file) as reader:
            yield from reader

    def close(self) -> None:
        """Give the disk space back."""
        self._writer.close()
        self._file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
