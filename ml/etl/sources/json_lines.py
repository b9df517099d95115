"""JSON lines: an object a line, or a small file that is one array of objects. Light: the web uses it on upload."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

from ml.errors import SourceError
from ml.etl.sources.encoding import Utf8Reader, check_encoding, decompressed, detect_encoding
from ml.etl.sources.sample import SAMPLE_ROWS, Dialect, FileSample, Malformed, check_width, column_name
from ml.etl.sources.texts import readable

CHUNK = 1 << 18
LINE = 4 << 20
"""Bytes that an object may have."""

ARRAY = 32 << 20
"""Bytes that a file may have that is one array: it is parsed at once."""

SCAN_ROWS = 2_000
"""Objects in which names of columns are looked for; later ones are left out."""

DEPTH = 8
"""Objects within objects that become columns (`customer.address.city`); deeper ones stay JSON."""

EXPECTED = 'Expected an object a line, such as {"date": "2024-01-31", "amount": 12.5}'


def inspect_json_lines(file: IO[bytes], name: str, dialect: Dialect) -> FileSample:
    """Columns and first rows of a file of JSON lines (gzip allowed); raises SourceError where it is none."""
    encoding = check_encoding(dialect.get("encoding", "")) or detect_encoding(decompressed(file), name)
    columns: dict[str, None] = {}
    rows: list[dict[str, str]] = []
    first_reason = ""
    for document in islice(_documents(file, encoding), SCAN_ROWS):
        if isinstance(document, str):
            first_reason = first_reason or document
            continue
        row = flatten(document)
        columns.update(dict.fromkeys(row))
        check_width(len(columns), name)
        if len(rows) < SAMPLE_ROWS:
            rows.append(row)
    if not rows or not columns:
        raise SourceError(f"{name} cannot be read as JSON lines: {first_reason or 'it holds no object'}. {EXPECTED}.")
    filled = [{column: row.get(column, "") for column in columns} for row in rows]
    return FileSample("jsonl", encoding, "", list(columns), filled)


def json_rows(
    file: IO[bytes], sample: FileSample, columns: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]] | Malformed]:
    """Each object's texts for `columns`, with its number among the lines that are not blank."""
    for number, document in enumerate(_documents(file, sample.encoding), 1):
        if isinstance(document, str):
            yield Malformed(number, 0, len(sample.columns), {}, f"{document}. {EXPECTED}")
        else:
            row = flatten(document)
            yield number, [row.get(column, "") for column in columns]


def flatten(document: dict[str, Any]) -> dict[str, str]:
    """An object's values as canonical texts, objects within it under names with points, arrays as JSON."""
    row: dict[str, str] = {}
    _flatten(document, "", DEPTH, row)
    return row


def _flatten(document: dict[str, Any], prefix: str, depth: int, row: dict[str, str]) -> None:
    for key, value in document.items():
        name = column_name(readable(prefix + key), len(row) + 1)
        if isinstance(value, dict) and depth > 1:
            _flatten(value, f"{prefix}{key}.", depth - 1, row)
        else:
            row[name] = _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # numbers, too: they stay as they are written
        return readable(value)
    return readable(json.dumps(value, ensure_ascii=False))


def _documents(file: IO[bytes], encoding: str) -> Iterator[dict[str, Any] | str]:
    """The objects of a file; for a line that is none, what is wrong with it."""
    source = Utf8Reader(decompressed(file), encoding)
    head = source.read(CHUNK)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        yield from _array(head + source.read(ARRAY))
        return
    for line in _lines(head, source):
        yield _parse(line)


def _array(content: bytes) -> Iterator[dict[str, Any] | str]:
    if len(content) > ARRAY:
        raise SourceError(
            f"the file is one JSON array of more than {ARRAY >> 20} MB, which cannot be read piece by piece. "
            "Write one object a line (JSON lines)."
        )
    try:
        items = _loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"the JSON array cannot be read ({error}). {EXPECTED}, or an array of such objects."
        ) from None
    yield from (item if isinstance(item, dict) else "an item of the array is no object" for item in items)


def _lines(head: bytes, source: Utf8Reader) -> Iterator[bytes]:
    """The lines that are not blank; raises SourceError where one is too long."""
    rest, chunk = b"", head
    while chunk:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if not line.isspace() and line)
        if len(rest) > LINE:
            raise SourceError(f"a line is longer than {LINE >> 20} MB. {EXPECTED}.")
        chunk = source.read(CHUNK)
    if rest.strip():
        yield rest


def _parse(line: bytes) -> dict[str, Any] | str:
    try:
        document = _loads(line)
    except ValueError as error:
        return f"the line is no JSON ({error})"
    except RecursionError:
        return "the line is JSON nested too deeply"
    return document if isinstance(document, dict) else "the line is JSON, but no object"


def _loads(content: bytes) -> Any:
    """Parsed JSON with its numbers as they are written: no digit is lost, and none is too large."""
    text = content.decode("utf-8-sig")
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: None)
