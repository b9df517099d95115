"""Sheets and shared strings of workbooks, parsed as they stream by: memory stays that of one row."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from xml.parsers import expat  # safe here: document types are refused, and with them all entities

from ml.errors import SourceError
from ml.etl.sources.sample import MAX_COLUMNS
from ml.etl.sources.workbook_cells import unescape

if TYPE_CHECKING:
    from ml.etl.sources.workbook_cells import CellTexts

SheetRow = tuple[int, dict[int, str]]
"""A row's number and its texts by column, both from 0 or 1 as told; empty cells are left out."""

CHUNK = 1 << 16
MAX_ROW = 1 << 20
"""Rows that a sheet can have."""

MAX_TEXT = 4 << 20
"""Characters in a row's cells, or in one shared string."""

MAX_STRINGS = 5_000_000
MAX_SHARED = 128 << 20
"""Bytes of the part with all shared strings, which are kept in memory."""


def sheet_rows(archive: zipfile.ZipFile, path: str, texts: CellTexts, last: int = MAX_ROW) -> Iterator[SheetRow]:
    """The rows of a sheet that are not empty, up to row `last`; raises SourceError where it is damaged."""
    with archive.open(path) as part:
        parser = SheetParser(texts, last)
        while not parser.finished and (chunk := part.read(CHUNK)):
            parser.feed(chunk)
            yield from parser.take()


class PartParser:
    """Feeds a part's bytes to expat, element names without their namespace; knows the text that is wanted."""

    def __init__(self) -> None:
        self.finished = False
        self._wanted = False
        self._text: list[str] = []
        self._length = 0
        self._names: dict[str, str] = {}
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, chunk: bytes) -> None:
        """Parse on; raises SourceError for what is no plain XML."""
        try:
            self._parser.Parse(chunk)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise SourceError(f"the workbook is damaged ({error}). Save it again, then upload that.") from error

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        raise NotImplementedError

    def end(self, name: str) -> None:
        """An element ends."""
        raise NotImplementedError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.start(self._local(name), attributes)

    def _end(self, name: str) -> None:
        self.end(self._local(name))

    def _local(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) > 10_000:
                raise SourceError("the workbook is damaged: it has thousands of kinds of elements.")
            self._names[name] = name.rpartition(":")[2]
        return self._names[name]

    def _characters(self, text: str) -> None:
        if self._wanted:
            self._text.append(text)
            self._length += len(text)
            if self._length > MAX_TEXT:
                raise SourceError(f"a row of the workbook has more than {MAX_TEXT >> 20} million characters.")

    def _refuse(self, *_: object) -> None:
        raise SourceError("the workbook holds a document type, which no workbook needs and which may be a trap.")


class SheetParser(PartParser):
    """Gathers the rows of a sheet."""

    def __init__(self, texts: CellTexts, last: int) -> None:
        super().__init__()
        self._texts, self._last = texts, last
        self._rows: list[SheetRow] = []
        self._row, self._column = 0, -1
        self._cells: dict[int, str] = {}
        self._cell: tuple[str, str] | None = None
        self._letters: dict[str, int] = {}
        self._phonetic = False

    def take(self) -> list[SheetRow]:
        """The rows that ended since the last call."""
        taken, self._rows = self._rows, []
        return taken

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("v", "t"):
            self._wanted = self._cell is not None and not self._phonetic
        elif name == "c":
            reference = attributes.get("r", "")
            self._column = self._position(reference.rstrip("0123456789")) if reference else self._column + 1
            self._cell = attributes.get("t", ""), attributes.get("s", "")
            self._text.clear()
        elif name == "row":
            self._begin_row(attributes.get("r", ""))
        elif name == "rPh":
            self._phonetic = True

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._wanted = False
        elif name == "c":
            self._end_cell()
        elif name == "row":
            if self._row > self._last:
                self.finished = True
            elif self._cells:
                self._rows.append((self._row, self._cells))
                self._cells = {}
        elif name == "rPh":
            self._phonetic = False
        elif name == "sheetData":
            self.finished = True

    def _begin_row(self, reference: str) -> None:
        number = int(reference) if reference.isdigit() and len(reference) < 10 else self._row + 1
        if not self._row < number <= MAX_ROW:
            raise SourceError(f"the workbook is damaged: row {number} follows row {self._row}.")
        self._row, self._column, self._length, self._cells = number, -1, 0, {}

    def _end_cell(self) -> None:
        kind, style = cast("tuple[str, str]", self._cell)
        self._cell = None
        if self._text:
            text = self._texts.text(kind, style, "".join(self._text))
            if text.strip():
                if self._column >= MAX_COLUMNS:
                    raise SourceError(f"row {self._row} of the workbook has cells beyond column {MAX_COLUMNS:,}.")
                self._cells[self._column] = text

    def _position(self, letters: str) -> int:
        """0 for A, 25 for Z, 26 for AA."""
        if letters not in self._letters:
            if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
                raise SourceError(f"the workbook is damaged: there is no column {letters[:40]!r}.")
            position = 0
            for letter in letters.upper():
                position = position * 26 + ord(letter) - ord("A") + 1
            self._letters[letters] = position - 1
        return self._letters[letters]


class SharedStrings(PartParser):
    """The texts that cells refer to by number, parsed up to the last one that was asked for."""

    def __init__(self, archive: zipfile.ZipFile, path: str) -> None:
        """`path` is the part that holds them, '' where there is none."""
        super().__init__()
        self._strings: list[str] = []
        self._phonetic = False
        self._part = None
        if path in archive.namelist():
            if archive.getinfo(path).file_size > MAX_SHARED:
                raise SourceError(f"the workbook's texts take more than {MAX_SHARED >> 20} MB. Save the sheet as CSV.")
            self._part = archive.open(path)

    def __call__(self, index: int) -> str:
        """A text by its number; raises SourceError where there is none."""
        while index >= len(self._strings) and self._part is not None:
            chunk = self._part.read(CHUNK)
            if chunk:
                self.feed(chunk)
            else:
                self._part = None
        if not 0 <= index < len(self._strings):
            raise SourceError(f"the workbook is damaged: it has no text number {index}. Save it again.")
        return self._strings[index]

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - one signature
        if name == "t":
            self._wanted = not self._phonetic
        elif name == "si":
            self._text.clear()
            self._length = 0
        elif name == "rPh":
            self._phonetic = True

    def end(self, name: str) -> None:
        if name == "t":
            self._wanted = False
        elif name == "si":
            self._strings.append(unescape("".join(self._text)))
            if len(self._strings) > MAX_STRINGS:
                raise SourceError(f"the workbook has more than {MAX_STRINGS:,} texts. Save the sheet as CSV.")
        elif name == "rPh":
            self._phonetic = False
