"""Imports of files and other rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from flask_openapi.models.file import FileStorage
from pydantic import Field

from ml.etl.datasets import DATASETS
from webapp.schemas.base import LARGEST_ID, Answer, Figure, ListAnswer, PageQuery, Request

Rule = str | dict[str, str | int | float | bool | None]
Mapping = dict[str, Rule]
MAPPING = (
    'What fills each field: a column, such as {"sale_date": "Order Date"}, or a rule: {"column": "Qty", "factor": 12}, '
    '{"column": "Date", "format": "day-first"}, {"constant": "Germany"} or {"left": "Quantity", "op": "*", '
    '"right": "UnitPrice"}. Replaces what was guessed field by field; \'\' leaves a field out.'
)
POLICY = "What is checked beside the types of cells, and what refuses the import; the source's, or the defaults."
STATES = Literal["uploaded", "queued", "running", "loaded", "failed", "undone"]
DatasetName = Literal[
    "sales", "products", "customers", "events", "regressors", "suppliers", "supplier_products", "places",
    "stock", "purchase_orders", "job_orders", "invoices", "payments", "cash_items",
]  # fmt: skip


class ImportPath(Request):
    """Which import."""

    import_id: int = Field(ge=1, le=LARGEST_ID)


class UploadQuery(Request):
    """What happens after the upload."""

    start: bool = Field(True, description="Load at once; false keeps the file, to correct the mapping first.")
    dry_run: bool = Field(False, description="Check it and report what would happen, but load nothing.")


class UploadForm(Request):
    """A file with a header and one record a row: CSV, Excel, JSON lines or Parquet, text ones also as gzip."""

    file: FileStorage
    dataset: str = Field("", max_length=32, description=f"One of {', '.join(DATASETS)}; sales unless the source says.")
    source: str = Field("", max_length=120, description="The name of a source whose mapping and policy are taken.")
    mapping: Mapping | None = Field(None, description=MAPPING)
    policy: dict[str, Any] | None = Field(None, description=POLICY)
    sheet: str = Field("", max_length=200, description="The sheet of a workbook; the first with rows by default.")


class StartBody(Request):
    """How to read the columns."""

    mapping: Mapping | None = Field(None, description=MAPPING)
    policy: dict[str, Any] | None = Field(None, description=POLICY)
    dry_run: bool = Field(False, description="Check it and report what would happen, but load nothing.")


class ImportQuery(PageQuery):
    """Which imports."""

    state: STATES | None = None
    dataset: DatasetName | None = None
    source: str = Field("", max_length=120, description="The name of a source.")


class PreviewQuery(Request):
    """How much of the file."""

    rows: int = Field(20, ge=1, le=50, description="How many rows at most.")


class ConflictAnswer(Answer):
    """One product code under several names."""

    code: str
    names: list[str]


class ImportAnswer(Answer):
    """An import and what became of its rows."""

    id: int
    dataset: str
    source: str | None = Field(description="The name of the source that it came from.")
    filename: str
    size: int = Field(description="Bytes.")
    sha256: str
    state: STATES
    mapping: dict[str, Any] = Field(description="Column or rule by field.")
    policy: dict[str, Any] | None = Field(description="What differs from the defaults; null where nothing does.")
    columns: list[str] = Field(description="The columns of the file.")
    rows_total: int | None
    rows_loaded: int | None
    rows_unchanged: int | None = Field(description="Rows that were there already.")
    rows_changed: int | None = Field(description="Of the rows loaded, those that replaced an earlier one.")
    rows_rejected: int | None = Field(description="Rows kept aside with the reason; see /imports/{id}/rejected.")
    first_date: date | None
    last_date: date | None
    error: str | None
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    undone_by: str


class ImportDetail(ImportAnswer):
    """An import with its report."""

    report: dict[str, Any] | None
    conflicts: list[ConflictAnswer] = Field(description="Product codes that the file gives several names.")
    job_ids: list[int] = Field(description="The jobs that loaded it, or tried to; newest first.")


class FilePreview(Answer):
    """How a file is read, and its first rows."""

    format: str
    encoding: str
    delimiter: str
    sheet: str
    sheets: list[str]
    columns: list[str]
    rows: list[dict[str, str]]


class MonthEffectAnswer(Answer):
    """What goes from a month."""

    month: date = Field(description="Its first day.")
    rows: int
    amount: Figure


class EffectsAnswer(Answer):
    """What taking an import back would change: rows of sales, or records of another data set."""

    removed: int = Field(description="Rows that came with this import alone.")
    restored: int = Field(description="Rows that it had replaced.")
    kept: int = Field(description="Rows that came with other imports, too.")
    series: int = Field(description="Series whose totals change.")
    days: int = Field(description="Days whose totals change for some of these series.")
    weeks: int
    months: int
    by_month: list[MonthEffectAnswer] = Field(description="What goes, in the order of time.")
    forecasts: int = Field(description="Published forecasts that learned from what changes, and would be made anew.")


class ImportList(ListAnswer):
    """Imports, newest first."""

    items: list[ImportAnswer]


class StartedImport(Answer):
    """An import that waits to be loaded, and its job."""

    import_id: int
    job_id: int
