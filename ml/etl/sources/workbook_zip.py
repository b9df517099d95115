"""Excel workbooks as zip files: what is in them, after limits that hold before anything is parsed."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from ml.errors import SourceError
from ml.etl.sources.encoding import check_unpacked

MAX_ENTRIES = 2_000
MAX_DIRECTORY = MAX_ENTRIES * 512
"""Bytes of the list of entries, which is read as a whole when a zip file is opened."""

MAX_PART = 32 << 20
"""Bytes of a part that is parsed at once: list of sheets, styles."""

END, END64 = b"PK\x05\x06", b"PK\x06\x07"
TAIL = 22 + 65_535


@contextmanager
def open_zip(file: IO[bytes], name: str) -> Iterator[zipfile.ZipFile]:
    """A zip file whose entries are few enough and, unpacked, small enough to be read.

    Raises SourceError, also for what is found to be damaged while it is open.
    """
    try:
        _check_directory(file, name)
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive, name)
            yield archive
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        if isinstance(error, RecursionError):
            raise
        raise SourceError(
            f"{name} is a damaged Excel workbook or zip file ({error}); save it again, then upload that."
        ) from error


def read_part(archive: zipfile.ZipFile, path: str) -> ElementTree.Element | None:
    """A small part parsed, None where the workbook has none; SourceError where it is large or no plain XML."""
    try:
        info = archive.getinfo(path)
    except KeyError:
        return None
    if info.file_size > MAX_PART:
        raise SourceError(f"the workbook's part {path} is larger than {MAX_PART >> 20} MB. Save the sheet as CSV.")
    try:
        return ElementTree.fromstring(archive.read(info), forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise SourceError(f"the workbook's part {path} cannot be read ({error}). Save the workbook again.") from error


def _check_directory(file: IO[bytes], name: str) -> None:
    """The end of a zip file says how long its list of entries is."""
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no list of entries")
    length = int(struct.unpack_from("<I", tail, at + 12)[0])
    if at >= 20 and tail[at - 20 : at - 16] == END64:
        file.seek(int(struct.unpack_from("<Q", tail, at - 12)[0]))
        length = max(length if length < 0xFFFFFFFF else 0, int(struct.unpack_from("<Q", file.read(56), 40)[0]))
    if length > MAX_DIRECTORY:
        raise SourceError(f"{name} is a zip file of far more parts than a workbook has. Save the sheet as CSV.")
    file.seek(0)


def _check_entries(archive: zipfile.ZipFile, name: str) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise SourceError(f"{name} has {len(entries):,} parts; a workbook of at most {MAX_ENTRIES:,} is read.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceError(f"{name} is protected by a password. Save it without one, then upload that.")
    check_unpacked(sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries))
    for entry in entries:
        check_unpacked(entry.compress_size, entry.file_size)
