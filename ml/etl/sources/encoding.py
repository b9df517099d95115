"""Which encoding a text file is in, and reading it as UTF-8 whatever it is."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from typing import IO, cast

from ml.errors import SourceError
from ml.etl.sources.texts import UNREADABLE
from ml.settings import read_int

CHUNK = 1 << 18
SCAN_LIMIT = 64 << 20
"""Bytes that are looked at to tell the encoding; ASCII up to there counts as UTF-8."""

RATIO = 250
"""Times that a packed file may grow, once it is past RATIO_FROM bytes; tables grow 5 to 50 times."""

RATIO_FROM = 64 << 20

CODE_PAGES = frozenset({f"cp{number}" for number in (437, 850, 932, 949, 1250, 1251, 1252, 1253, 1254, 1257)})
CHOICES = CODE_PAGES | {
    *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "mac-roman", "gb18030", "big5"),
    *(f"iso-8859-{part}" for part in (1, 2, 9, 15)),
}
"""What a file may be said to be written in. Only Unicode and cp1252 are told without being said."""

GZIP_MAGIC = b"\x1f\x8b"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1a")
UNUSED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


def max_unpacked() -> int:
    """Bytes that a packed file (gzip, workbook) may hold: FORECASTLE_UNPACKED_MB, 2,048 MB by default."""
    return read_int(os.environ, "FORECASTLE_UNPACKED_MB", 2_048) << 20


def check_unpacked(packed: int, unpacked: int) -> None:
    """Raise SourceError where a packed file holds more than may be read, or grows as only a trap does."""
    if unpacked > (limit := max_unpacked()):
        raise SourceError(
            f"the file holds more than {limit >> 20:,} MB unpacked. Split it, or let the operator raise "
            "FORECASTLE_UNPACKED_MB."
        )
    if unpacked > RATIO_FROM and unpacked > RATIO * max(packed, 1):
        raise SourceError(
            f"the file grows more than {RATIO} times when it is unpacked, as no table does. Upload it unpacked."
        )


class Unpacked(gzip.GzipFile):
    """The content of a gzip file; raises SourceError where there is too much of it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(fileobj=file)
        self._packed, self._out = file, 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._out += len(content)
        check_unpacked(self._packed.tell(), self._out)
        return content


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """The content of a file from its start, unpacked where it is gzip."""
    file.seek(0)
    magic = file.read(2)
    file.seek(0)
    return cast(IO[bytes], Unpacked(file)) if magic == GZIP_MAGIC else file


def check_encoding(encoding: str) -> str:
    """The encoding itself, '' where none is given; SourceError for one that is not offered."""
    if encoding and encoding not in CHOICES:
        raise SourceError(
            f"files cannot be read in the encoding {encoding!r}; expected one of {', '.join(sorted(CHOICES))}."
        )
    return encoding


def read_bytes(file: IO[bytes], size: int) -> bytes:
    """Up to `size` bytes; raises SourceError where the gzip around them is damaged."""
    try:
        return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"the gzip file is damaged or cut off ({error}); pack or upload it again.") from error


def detect_encoding(file: IO[bytes], name: str) -> str:
    """The encoding of a file of text that is read from where it stands: utf-8, utf-8-sig, utf-16…, or cp1252.

    Raises SourceError for an empty file and for one that is no text.
    """
    head = read_bytes(file, CHUNK)
    if not head.strip():
        raise SourceError(f"{name} is empty; expected a file with column names and rows.")
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    return _wide_encoding(head) or _byte_encoding(head, file, name)


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly every other byte is NUL."""
    pairs = max(len(head) // 2, 1)
    if head[1::2].count(0) > 0.7 * pairs and head[::2].count(0) == 0:
        return "utf-16-le"
    if head[::2].count(0) > 0.7 * pairs and head[1::2].count(0) == 0:
        return "utf-16-be"
    return None


def _byte_encoding(head: bytes, file: IO[bytes], name: str) -> str:
    found = CONTROL.intersection(head)
    if found:
        raise SourceError(
            f"{name} is no text: it holds the control character 0x{min(found):02x}. "
            "Expected a CSV file; export the sales as CSV (UTF-8), then upload that."
        )
    decoder, used, scanned, chunk = codecs.getincrementaldecoder("utf-8")(), set[int](), 0, head
    utf8 = True
    while chunk and scanned < SCAN_LIMIT:
        utf8 = utf8 and _decodes(decoder, chunk)
        if not utf8:
            used.update(UNUSED_IN_CP1252.intersection(chunk))
        scanned += len(chunk)
        chunk = read_bytes(file, CHUNK)
    if utf8:
        return "utf-8"
    if used:
        raise SourceError(
            f"the encoding of {name} is unknown: it is neither UTF-8 nor Windows-1252. "
            "Save the file as CSV (UTF-8), then upload that."
        )
    return "cp1252"


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


class Utf8Reader(io.RawIOBase):
    """A text file of any encoding, read as UTF-8.

    What cannot be decoded, and NUL, which no database takes, arrives as UNREADABLE, so
    that the row around it can be set aside instead of the file.
    """

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of UTF-8, all of it for -1."""
        parts, length, final = [self._rest], len(self._rest), False
        while not final and (size < 0 or length < size):
            chunk = read_bytes(self._file, CHUNK)
            final = not chunk
            text = self._decoder.decode(chunk, final).replace("\0", UNREADABLE)
            parts.append(text.encode("utf-8", "replace"))
            length += len(parts[-1])
        content = b"".join(parts)
        cut = length if size < 0 else size
        self._rest = content[cut:]
        return content[:cut]
