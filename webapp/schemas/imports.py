"""Imports of sales files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from flask_openapi.models.file import FileStorage
from pydantic import Field

from webapp.schemas.base import LARGEST_ID, Answer, ListAnswer, Request

MAPPING = 'Column by field, such as {"sale_date": "Order Date"}; replaces what was guessed, \'\' leaves a field out.'


class ImportPath(Request):
    """Which import."""

    import_id: int = Field(ge=1, le=LARGEST_ID)


class UploadQuery(Request):
    """What happens after the upload."""

    start: bool = Field(True, description="Load at once; false keeps the file, to correct the mapping first.")


class UploadForm(Request):
    """A CSV file (gzip allowed) with a header and one row a sale."""

    file: FileStorage
    mapping: dict[str, str] | None = Field(None, description=MAPPING)


class StartBody(Request):
    """How to read the columns."""

    mapping: dict[str, str] | None = Field(None, description=MAPPING)


class ConflictAnswer(Answer):
    """One product code under several names."""

    code: str
    names: list[str]


class ImportAnswer(Answer):
    """An import and what became of its rows."""

    id: int
    filename: str
    size: int = Field(description="Bytes.")
    sha256: str
    state: Literal["uploaded", "queued", "running", "loaded", "failed"]
    mapping: dict[str, str] = Field(description="Column by field.")
    columns: list[str] = Field(description="The columns of the file.")
    rows_total: int | None
    rows_loaded: int | None
    rows_unchanged: int | None = Field(description="Rows that were there already.")
    rows_rejected: int | None = Field(description="Rows kept aside with the reason; see /imports/{id}/rejected.")
    first_date: date | None
    last_date: date | None
    error: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None


class ImportDetail(ImportAnswer):
    """An import with its report."""

    report: dict[str, Any] | None
    conflicts: list[ConflictAnswer] = Field(description="Product codes that the file gives several names.")
    job_ids: list[int] = Field(description="The jobs that loaded it, or tried to; newest first.")


class ImportList(ListAnswer):
    """Imports, newest first."""

    items: list[ImportAnswer]


class StartedImport(Answer):
    """An import that waits to be loaded, and its job."""

    import_id: int
    job_id: int
