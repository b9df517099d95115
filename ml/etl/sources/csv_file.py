"""CSV files: how they are written, and what their first rows say. Light: the web uses it on upload."""

from __future__ import annotations

import codecs
import csv
import io
from typing import IO

from ml.errors import SourceError
from ml.etl.sources.encoding import check_encoding, decompressed, detect_encoding, read_bytes
from ml.etl.sources.sample import SAMPLE_ROWS, Dialect, FileSample, check_header, unique_names
from ml.etl.sources.texts import readable

HEAD_BYTES = 1 << 20
DELIMITERS = ",;\t|"


def inspect_csv(file: IO[bytes], name: str, dialect: Dialect) -> FileSample:
    """Tell encoding, delimiter and header of a seekable CSV file (gzip allowed), and sample its first rows.

    Parts of `dialect` that are given are taken as they are.
    Raises SourceError, with what was found, for anything that is not a CSV file with a
    header and at least one row.
    """
    encoding = check_encoding(dialect.get("encoding", "")) or detect_encoding(decompressed(file), name)
    head = read_bytes(decompressed(file), HEAD_BYTES)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head, len(head) < HEAD_BYTES)
    if "\0" in text:
        raise SourceError(f"{name} holds NUL characters, so it is no CSV file. Export the sales as CSV (UTF-8).")
    whole = len(head) < HEAD_BYTES
    delimiter = check_delimiter(dialect.get("delimiter", "")) or detect_delimiter(text, name)
    lines = _split(text, delimiter, SAMPLE_ROWS + 2)
    if not whole and len(lines) < SAMPLE_ROWS + 2:
        lines = lines[:-1]  # the last one may be cut
    if not lines:
        raise SourceError(f"{name} has no line break in its first {HEAD_BYTES >> 20} MB; expected a CSV file.")
    check_header(lines[0], name)
    columns = unique_names(lines[0])
    rows = [_row(columns, line) for line in lines[1 : SAMPLE_ROWS + 1]]
    if not rows:
        raise SourceError(f"{name} has a header ({', '.join(columns[:5])}…) but no rows below it; nothing to import.")
    return FileSample("csv", encoding, delimiter, columns, rows)


def check_delimiter(delimiter: str) -> str:
    """The delimiter itself, '' where none is given; SourceError for what separates nothing."""
    if delimiter and (len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '\r\n"\0'):
        raise SourceError(f"{delimiter!r} cannot separate columns; expected one character, such as , ; | or a tab.")
    return delimiter


def detect_delimiter(text: str, name: str) -> str:
    """The delimiter under which most lines have as many fields as the first; SourceError where there is none."""
    best, best_score = "", 0.0
    for delimiter in DELIMITERS:
        lines = _split(text, delimiter, SAMPLE_ROWS + 1)
        width = len(lines[0]) if lines else 0
        if width < 2:
            continue
        share = sum(len(line) == width for line in lines) / len(lines)
        score = share * (1 + min(width, 50) / 50)
        if share >= 0.5 and score > best_score:
            best, best_score = delimiter, score
    if not best:
        raise SourceError(
            f"{name} is no table: its lines do not fall into the same columns under any of comma, semicolon, tab or |. "
            "Expected a CSV file with a header line and one row a sale."
        )
    return best


def _split(text: str, delimiter: str, limit: int) -> list[list[str]]:
    """The first lines of a text in fields; empty lines are left out."""
    lines: list[list[str]] = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if line:
                lines.append(line)
            if len(lines) == limit:
                break
    except csv.Error:
        pass  # a field without end: what came before it decides
    return lines


def _row(columns: list[str], line: list[str]) -> dict[str, str]:
    padded = line + [""] * (len(columns) - len(line))
    return dict(zip(columns, map(readable, padded), strict=False))
