"""What is told of a file before it is loaded: how it is written, its columns and its first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.errors import SourceError
from ml.etl.dates import looks_like_date
from ml.etl.numbers import looks_like_number
from ml.etl.sources.texts import UNREADABLE

SAMPLE_ROWS = 50
MAX_COLUMNS = 1_000

Dialect = Mapping[str, str]
"""What is known beforehand of how a file is written: format, encoding, delimiter, sheet."""


@dataclass(frozen=True)
class FileSample:
    """How a file is written, and its first rows as text by column name.

    `encoding` and `delimiter` are those of text files, '' for others; `sheet` is the one that is
    read of a workbook, `sheets` all that it has.
    """

    format: str
    encoding: str
    delimiter: str
    columns: list[str]
    rows: list[dict[str, str]]
    sheet: str = ""
    sheets: tuple[str, ...] = ()

    @property
    def dialect(self) -> dict[str, str]:
        """What `Import.dialect` keeps."""
        parts = {
            "format": self.format,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "sheet": self.sheet,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class Malformed:
    """A row that is not like the others: more or fewer fields than the header, or `reason`."""

    number: int
    fields: int
    expected: int
    row: dict[str, str]
    reason: str = ""


def column_name(text: str, position: int) -> str:
    """A header's cell as a name: one line, at most 200 characters, 'column 3' where it is empty."""
    return " ".join(text.replace("\ufeff", "").split())[:200] or f"column {position}"


def unique_names(header: Sequence[str]) -> list[str]:
    """Column names that are neither empty nor given twice: 'column 3', 'Name (2)'."""
    names: dict[str, None] = {}
    for position, cell in enumerate(header, 1):
        name = column_name(cell, position)
        candidate, number = name, 2
        while candidate in names:
            candidate, number = f"{name} ({number})", number + 1
        names[candidate] = None
    return list(names)


def check_width(columns: int, name: str) -> None:
    """Raise SourceError for more columns than are read."""
    if columns > MAX_COLUMNS:
        raise SourceError(f"{name} has {columns:,} columns; at most {MAX_COLUMNS:,} are read. Leave some out.")


def check_header(cells: Sequence[str], name: str) -> None:
    """Raise SourceError where a first row cannot be one of column names."""
    check_width(len(cells), name)
    if any(UNREADABLE in cell for cell in cells):
        raise SourceError(f"the header of {name} cannot be decoded. Save the file as CSV (UTF-8), then upload that.")
    values = [cell.strip() for cell in cells if looks_like_date(cell) or looks_like_number(cell)]
    if values:
        raise SourceError(
            f"{name} has no header: its first line holds the value {values[0][:80]!r} where a column name is expected. "
            "Put a line with column names on top."
        )
