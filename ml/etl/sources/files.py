"""Files: which format each is in, and what its first rows say. Light at import: the web uses it on upload."""

from __future__ import annotations

import zipfile
from importlib import import_module
from typing import IO

from ml.errors import SourceError
from ml.etl.sources.encoding import GZIP_MAGIC, decompressed, read_bytes
from ml.etl.sources.sample import SAMPLE_ROWS, Dialect, FileSample

__all__ = ["SAMPLE_ROWS", "FileSample", "inspect"]

INSPECTORS = {
    "csv": ("ml.etl.sources.csv_file", "inspect_csv"),
    "jsonl": ("ml.etl.sources.json_lines", "inspect_json_lines"),
    "xlsx": ("ml.etl.sources.workbook", "inspect_workbook"),
    "parquet": ("ml.etl.sources.parquet_file", "inspect_parquet"),
}
"""Module and function for each format; only those that are needed are imported."""

ZIP_MAGIC, PARQUET_MAGIC, OLE_MAGIC = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
OTHERS = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"BZh", "packed with bzip2"),
    (b"\xfd7zXZ", "packed with xz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstandard"),
    (b"7z\xbc\xaf", "packed with 7-Zip"),
    (b"Rar!", "packed with RAR"),
)
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
EXPECTED = "Expected CSV, an Excel workbook (.xlsx), JSON lines or Parquet"


def inspect(file: IO[bytes], name: str, dialect: Dialect | None = None) -> FileSample:
    """Tell how a seekable file is written, and sample its first rows.

    Takes CSV and JSON lines (both also as gzip), Excel workbooks and Parquet. Parts of
    `dialect` that are given are taken as they are: format, encoding and delimiter of text,
    sheet of a workbook. The file is left at its start. Raises SourceError, with what was
    found, for anything that is not a table with column names and at least one row.
    """
    dialect = dialect or {}
    form = dialect.get("format") or recognise(file, name)
    if form not in INSPECTORS:
        raise SourceError(f"{name} is said to be {form!r}; expected one of {', '.join(INSPECTORS)}.")
    module, function = INSPECTORS[form]
    sample: FileSample = getattr(import_module(module), function)(file, name, dialect)
    file.seek(0)
    return sample


def recognise(file: IO[bytes], name: str) -> str:
    """The format of a file, by its content; SourceError for one that is none of those that can be read."""
    content = decompressed(file)
    head = read_bytes(content, 4096)
    packed = content is not file
    for magic, what in OTHERS:
        if head.startswith(magic):
            raise SourceError(f"{name} is {what}. {EXPECTED}; export the rows as one of these, then upload that.")
    if packed and head.startswith((ZIP_MAGIC, PARQUET_MAGIC, GZIP_MAGIC)):
        raise SourceError(f"{name} is packed twice: it is a gzip file around another packed one. Upload the inner one.")
    if head.startswith(OLE_MAGIC):
        raise SourceError(_of_old_workbook(file, name))
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    if head.startswith(ZIP_MAGIC):
        return _of_zip(file, name)
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")  # whatever the encoding: JSON is ASCII there
    is_json = text[:1] == b"{" or (text[:1] == b"[" and text[1:].lstrip()[:1] in (b"{", b"]"))
    return "jsonl" if is_json else "csv"


def _of_old_workbook(file: IO[bytes], name: str) -> str:
    file.seek(0)
    if ENCRYPTED in file.read(1 << 20):
        return f"{name} is protected by a password. Save it without one, then upload that."
    return f"{name} is an old Excel workbook (.xls) or another Office file. Save it as .xlsx, then upload that."


def _of_zip(file: IO[bytes], name: str) -> str:
    from ml.etl.sources.workbook_zip import open_zip  # noqa: PLC0415 - only where there is a zip file

    with open_zip(file, name) as archive:
        return _of_members(archive, name)


def _of_members(archive: zipfile.ZipFile, name: str) -> str:
    members = set(archive.namelist())
    if "xl/vbaProject.bin" in members:
        raise SourceError(f"{name} is a workbook with macros. Save it as .xlsx, which has none, then upload that.")
    if "xl/workbook.bin" in members:
        raise SourceError(f"{name} is a binary workbook (.xlsb). Save it as .xlsx, then upload that.")
    if "xl/workbook.xml" not in members:
        raise SourceError(
            f"{name} is a zip file, but no Excel workbook. {EXPECTED}; unpack it, then upload the file in it."
        )
    return "xlsx"
