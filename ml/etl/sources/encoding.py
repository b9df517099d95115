"""Which encoding a text file is in, and reading it as UTF-8 whatever it is."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from typing import IO, cast

from ml.errors import SourceError

CHUNK = 1 << 18
SCAN_LIMIT = 64 << 20
"""Bytes that are looked at to tell the encoding; ASCII up to there counts as UTF-8."""

UNREADABLE = "\ufffd"
"""What stands where bytes were no text in the file's encoding."""

GZIP_MAGIC = b"\x1f\x8b"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
)
CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1a")
UNUSED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """The content of a file from its start, unpacked where it is gzip."""
    file.seek(0)
    magic = file.read(2)
    file.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if magic == GZIP_MAGIC else file


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
        raise SourceError(f"{name} is empty; expected a CSV file with a header line and rows.")
    for magic, what in FORMATS:
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}, not a CSV file. Save or export the sales as CSV, then upload that.")
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
