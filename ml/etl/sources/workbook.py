"""Excel workbooks (.xlsx): sheets, the table in one, and its rows. Light: the web uses it on upload."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

from ml.errors import SourceError
from ml.etl.dates import looks_like_date
from ml.etl.numbers import looks_like_number
from ml.etl.sources.sample import SAMPLE_ROWS, Dialect, FileSample, Malformed, check_header, check_width, unique_names
from ml.etl.sources.workbook_cells import CellTexts, date_styles
from ml.etl.sources.workbook_xml import SharedStrings, SheetRow, sheet_rows
from ml.etl.sources.workbook_zip import open_zip, read_part

BOOK = "xl/workbook.xml"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
TITLE_ROWS = 30
"""Rows that may stand above the table."""

LAST_FIRST = 5_000
"""The row above which the table must begin: sheets may go on for a million empty ones."""

WIDE = 0.6
"""Share of the widest row's cells that the row of column names has."""


@dataclass(frozen=True)
class Table:
    """Where a sheet's table is: its header's row, its first column, and its columns' names."""

    header: int
    first: int
    columns: list[str]


@dataclass(frozen=True)
class Workbook:
    """An open workbook: the part that holds each sheet, and how its cells are read."""

    archive: zipfile.ZipFile
    sheets: Mapping[str, str]
    texts: CellTexts

    def rows(self, sheet: str) -> Iterator[SheetRow]:
        """The rows of a sheet that are not empty, as texts by column."""
        return sheet_rows(self.archive, self.sheets[sheet], self.texts)

    def first_rows(self, sheet: str) -> list[SheetRow]:
        """Those by which the table is found."""
        rows = sheet_rows(self.archive, self.sheets[sheet], self.texts, LAST_FIRST)
        return list(islice(rows, TITLE_ROWS + SAMPLE_ROWS))


def inspect_workbook(file: IO[bytes], name: str, dialect: Dialect) -> FileSample:
    """The table of a sheet, that of `dialect` or the first sheet that has one; raises SourceError where none has."""
    with open_zip(file, name) as archive:
        book = _open(archive, name)
        wanted = dialect.get("sheet", "")
        if wanted and wanted not in book.sheets:
            raise SourceError(f"{name} has no sheet {wanted!r}; it has {_list(book.sheets)}.")
        reasons = []
        for sheet in [wanted] if wanted else book.sheets:
            try:
                return _sample(book, sheet, f"sheet {sheet!r} of {name}")
            except SourceError as error:
                reasons.append(str(error))
    more = f" Its other sheets hold no table either: {_list(book.sheets)}." if len(reasons) > 1 else ""
    raise SourceError(reasons[0] + more)


def workbook_rows(
    file: IO[bytes], sample: FileSample, columns: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]] | Malformed]:
    """Each row's texts for `columns`, with its number counted from the row of column names; empty ones left out."""
    with open_zip(file, "the workbook") as archive:
        book = _open(archive, "the workbook")
        table = _find(book.first_rows(sample.sheet), f"sheet {sample.sheet!r}")
        positions = [table.first + table.columns.index(column) for column in columns]
        end = table.first + len(table.columns)
        for number, cells in book.rows(sample.sheet):
            if number <= table.header:
                continue
            if max(cells) >= end:
                yield _malformed(number - table.header, cells, table)
            else:
                yield number - table.header, [cells.get(position, "") for position in positions]


def _malformed(number: int, cells: Mapping[int, str], table: Table) -> Malformed:
    row = {name: cells.get(table.first + position, "") for position, name in enumerate(table.columns)}
    end = table.first + len(table.columns)
    row["more fields"] = " | ".join(text for position, text in sorted(cells.items()) if position >= end)
    return Malformed(number, max(cells) + 1 - table.first, len(table.columns), row)


def _open(archive: zipfile.ZipFile, name: str) -> Workbook:
    book = read_part(archive, BOOK)
    if book is None:
        raise SourceError(f"{name} is a zip file, but no Excel workbook.")
    targets = _parts(archive, "worksheet")
    visible: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for sheet in book.iterfind(".//{*}sheets/{*}sheet"):
        path = targets.get(sheet.get(RELATION) or sheet.get(STRICT_RELATION) or "")
        if path is not None and path in archive.namelist():
            (hidden if sheet.get("state", "visible") != "visible" else visible)[sheet.get("name", "")] = path
    if not (visible or hidden):
        raise SourceError(f"{name} has no sheet with cells.")
    properties = book.find("{*}workbookPr")
    since_1904 = properties is not None and properties.get("date1904", "0") in ("1", "true")
    strings = SharedStrings(archive, next(iter(_parts(archive, "sharedStrings").values()), ""))
    texts = CellTexts(strings, date_styles(read_part(archive, "xl/styles.xml")), since_1904)
    return Workbook(archive, visible or hidden, texts)


def _parts(archive: zipfile.ZipFile, kind: str) -> dict[str, str]:
    """The paths of a workbook's parts of a kind, by relation."""
    relations = read_part(archive, "xl/_rels/workbook.xml.rels")
    return {
        relation.get("Id", ""): posixpath.normpath(posixpath.join("/xl", relation.get("Target", ""))).lstrip("/")
        for relation in (() if relations is None else relations)
        if relation.get("Type", "").endswith(f"/{kind}")
    }


def _sample(book: Workbook, sheet: str, name: str) -> FileSample:
    rows = book.first_rows(sheet)
    table = _find(rows, name)
    below = [cells for number, cells in rows if number > table.header][:SAMPLE_ROWS]
    texts = [{c: cells.get(table.first + at, "") for at, c in enumerate(table.columns)} for cells in below]
    return FileSample("xlsx", "", "", table.columns, texts, sheet, tuple(book.sheets))


def _find(rows: Sequence[SheetRow], name: str) -> Table:
    """The table that a sheet's first rows show: below titles, from the first row that is wide and holds names."""
    widest = max((len(cells) for _, cells in rows), default=0)
    if widest < 2:
        raise SourceError(f"{name} holds no table; expected a row of column names and rows below it.")
    wide = [position for position, (_, cells) in enumerate(rows[:TITLE_ROWS]) if len(cells) >= max(2, WIDE * widest)]
    if not wide:
        raise SourceError(f"{name} has no row of column names among its first {TITLE_ROWS} rows.")
    at = next((position for position in wide if _are_names(rows[position][1])), wide[0])
    number, header = rows[at]
    if at + 1 == len(rows):
        raise SourceError(f"{name} has column names ({', '.join(list(header.values())[:5])}…) but no rows below them.")
    table = [cells for _, cells in rows[at:]]
    first, end = min(map(min, table)), max(map(max, table)) + 1
    check_width(end - first, name)
    check_header(list(header.values()), name)
    return Table(number, first, unique_names([header.get(position, "") for position in range(first, end)]))


def _are_names(cells: Mapping[int, str]) -> bool:
    return not any(looks_like_date(text) or looks_like_number(text) for text in cells.values())


def _list(sheets: Mapping[str, str]) -> str:
    return ", ".join(map(repr, list(sheets)[:20]))
