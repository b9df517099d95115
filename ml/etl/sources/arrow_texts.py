"""Canonical texts of whole arrow columns, as `texts.text_of` gives them value by value. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from ml.etl.sources.texts import UNREADABLE, readable, text_of


def text_array(texts: Sequence[str]) -> Any:
    """An array of texts, those parts unreadable that no database takes."""
    try:
        column = pa.array(texts, pa.string())
    except UnicodeEncodeError:  # half a surrogate pair
        column = pa.array(map(readable, texts), pa.string())
    return pc.replace_substring(column, "\0", UNREADABLE)


def text_bytes(column: Any) -> int:
    """Bytes of a column's texts, without writing out a dictionary; 0 for other types."""
    lengths = column.dictionary if types.is_dictionary(column.type) else column
    if not (_is_string(lengths.type) or _is_bytes(lengths.type)):
        return 0
    lengths = pc.cast(pc.binary_length(lengths), pa.int64())
    if types.is_dictionary(column.type):
        lengths = lengths.take(column.indices)
    return int(pc.sum(lengths).as_py() or 0)


def text_column(column: Any) -> Any:
    """The canonical texts of a column of any plain type, '' for null."""
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.fill_null(_convert(column), "")


def _convert(column: Any) -> Any:
    kind = column.type
    if _is_string(kind):
        return _readable(column)
    if types.is_boolean(kind):
        return pc.if_else(column, "true", "false")
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_date32(kind):
        return pc.cast(column, pa.string())
    if types.is_floating(kind):
        return _numbers(column)
    if types.is_timestamp(kind) or types.is_date64(kind):
        return _times(column)
    return text_array([text_of(value) for value in column.to_pylist()])  # bytes, durations, times, none at all


def _readable(column: Any) -> Any:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:  # a file may call bytes text that are none
        raw = column.cast(pa.large_binary() if types.is_large_string(column.type) else pa.binary())
        return text_array([text_of(value) for value in raw.to_pylist()])
    return pc.replace_substring(pc.cast(column, pa.string()), "\0", UNREADABLE)


def _numbers(column: Any) -> Any:
    """Whole numbers without '.0'; not-a-number is none."""
    if types.is_float16(column.type):
        column = column.cast(pa.float32())
    texts = pc.cast(column, pa.string())
    return pc.if_else(pc.is_nan(column), "", pc.replace_substring_regex(texts, r"\.0$", ""))


def _times(column: Any) -> Any:
    """Days where all are midnights, else days with their time, in the column's own time zone."""
    if getattr(column.type, "tz", None):
        column = pc.local_timestamp(column)
    days = pc.cast(column, pa.date32(), safe=False)
    if pc.all(pc.equal(pc.cast(days, column.type, safe=False), column)).as_py() is not False:
        return pc.cast(days, pa.string())
    return pc.strftime(pc.cast(column, pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S")


def _is_string(kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_bytes(kind: Any) -> bool:
    return bool(types.is_binary(kind) or types.is_large_binary(kind))
