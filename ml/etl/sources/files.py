"""CSV files: how they are written, and what their first rows say. Light: the web uses it on upload."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from ml.errors import SourceError
from ml.etl.dates import looks_like_date
from ml.etl.numbers import looks_like_number
from ml.etl.sources.encoding import UNREADABLE, decompressed, detect_encoding, read_bytes

HEAD_BYTES = 1 << 20
SAMPLE_ROWS = 50
DELIMITERS = ",;\t|"
MAX_COLUMNS = 1_000


@dataclass(frozen=True)
class FileSample:
    """How a file is written, and its first rows as text by column name."""

    encoding: str
    delimiter: str
    columns: list[str]
    rows: list[dict[str, str]]

    @property
    def dialect(self) -> dict[str, str]:
        """What `Import.dialect` keeps."""
        return {"encoding": self.encoding, "delimiter": self.delimiter}


def inspect(file: IO[bytes], name: str, dialect: dict[str, str] | None = None) -> FileSample:
    """Tell encoding, delimiter and header of a seekable CSV file (gzip allowed), and sample its first rows.

    Parts of `dialect` that are given are taken as they are. The file is left at its start.
    Raises SourceError, with what was found, for anything that is not a CSV file with a
    header and at least one row.
    """
    dialect = dialect or {}
    encoding = dialect.get("encoding") or detect_encoding(decompressed(file), name)
    head = read_bytes(decompressed(file), HEAD_BYTES)
    file.seek(0)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head, len(head) < HEAD_BYTES)
    if "\0" in text:
        raise SourceError(f"{name} holds NUL characters, so it is no CSV file. Export the sales as CSV (UTF-8).")
    whole = len(head) < HEAD_BYTES
    delimiter = dialect.get("delimiter") or detect_delimiter(text, name)
    lines = _split(text, delimiter, SAMPLE_ROWS + 2)
    if not whole and len(lines) < SAMPLE_ROWS + 2:
        lines = lines[:-1]  # the last one may be cut
    if not lines:
        raise SourceError(f"{name} has no line break in its first {HEAD_BYTES >> 20} MB; expected a CSV file.")
    columns = _header(lines[0], name)
    rows = [_row(columns, line) for line in lines[1 : SAMPLE_ROWS + 1]]
    if not rows:
        raise SourceError(f"{name} has a header ({', '.join(columns[:5])}…) but no rows below it; nothing to import.")
    return FileSample(encoding, delimiter, columns, rows)


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


def unique_names(header: Sequence[str]) -> list[str]:
    """Column names that are neither empty nor given twice: 'column 3', 'Name (2)'."""
    names: list[str] = []
    for position, cell in enumerate(header, 1):
        name = " ".join(cell.replace("\ufeff", "").split())[:200] or f"column {position}"
        candidate, number = name, 2
        while candidate in names:
            candidate, number = f"{name} ({number})", number + 1
        names.append(candidate)
    return names


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


def _header(cells: list[str], name: str) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise SourceError(f"{name} has {len(cells):,} columns; at most {MAX_COLUMNS:,} are read.")
    if any(UNREADABLE in cell for cell in cells):
        raise SourceError(f"the header of {name} cannot be decoded. Save the file as CSV (UTF-8), then upload that.")
    values = [cell.strip() for cell in cells if looks_like_date(cell) or looks_like_number(cell)]
    if values:
        raise SourceError(
            f"{name} has no header: its first line holds the value {values[0]!r} where a column name is expected. "
            "Put a line with column names on top."
        )
    return unique_names(cells)


def _row(columns: list[str], line: list[str]) -> dict[str, str]:
    padded = line + [""] * (len(columns) - len(line))
    return dict(zip(columns, padded, strict=False))
