"""Sources and imports: where rows come from, how they were read, which were kept aside, and what they replaced."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Day, Flag, HashKey, Json, LongText, Name, UtcDateTime

IMPORT_STATES = ("uploaded", "queued", "running", "loaded", "failed", "undone")
SOURCE_KINDS = ("file", "sql", "http")


class Source(Base):
    """Where rows of a data set come from again and again, under a name: how to reach it, to read it, to check it.

    `settings` (what depends on the kind, see `ml.etl.sources`) holds no secret; `secret` is encrypted
    (`ml.secrets`). `mapping` and `policy` are as for an import, which takes them over. `watermark` is the
    highest value of the source's watermark column that is loaded; null before the first pull.
    """

    __tablename__ = "sources"
    __table_args__ = (sa.CheckConstraint(sa.column("kind").in_(SOURCE_KINDS), "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(Name(120), unique=True)
    kind: Mapped[str] = mapped_column(Name(16))
    dataset: Mapped[str] = mapped_column(Name(32), default="sales")
    settings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    secret: Mapped[str | None] = mapped_column(LongText)
    mapping: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    policy: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    watermark: Mapped[str | None] = mapped_column(Name(120))
    cron: Mapped[str] = mapped_column(Name(60), default="")  # when it is pulled by itself; '': never
    active: Mapped[bool] = mapped_column(Flag, default=True)
    created_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Import(Base):
    """One file of rows, uploaded, pulled or pushed, on its way into the tables of a data set.

    `artifact` names the stored file by its content; `mapping` is what fills each field (a column name, or a
    rule: see `ml.etl.mapping`), `policy` what is refused (`ml.etl.policy`). `report` holds counts, conflicts and notes
    once the import was checked:
    {"rows", "loaded", "unchanged", "changed", "rejected", "conflicts": [{"code", "names"}], "notes": [str]}.
    """

    __tablename__ = "imports"
    __table_args__ = (sa.CheckConstraint(sa.column("state").in_(IMPORT_STATES), "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dataset: Mapped[str] = mapped_column(Name(32), default="sales")
    source_id: Mapped[int | None] = mapped_column(sa.ForeignKey("sources.id"), index=True)
    filename: Mapped[str] = mapped_column(Name(250))
    artifact: Mapped[str] = mapped_column(Name(250))
    sha256: Mapped[str] = mapped_column(Name(64), index=True)
    size: Mapped[int] = mapped_column(BigId)
    dialect: Mapped[dict[str, Any]] = mapped_column(Json)  # format, encoding, delimiter, sheet, columns
    mapping: Mapped[dict[str, Any]] = mapped_column(Json)
    policy: Mapped[dict[str, Any] | None] = mapped_column(Json)  # null: the defaults
    state: Mapped[str] = mapped_column(Name(16), default="uploaded")
    rows_total: Mapped[int | None] = mapped_column(sa.Integer())
    rows_loaded: Mapped[int | None] = mapped_column(sa.Integer())
    rows_unchanged: Mapped[int | None] = mapped_column(sa.Integer())
    rows_changed: Mapped[int | None] = mapped_column(sa.Integer())  # of those loaded, that replaced another
    rows_rejected: Mapped[int | None] = mapped_column(sa.Integer())
    first_date: Mapped[date | None] = mapped_column(Day)
    last_date: Mapped[date | None] = mapped_column(Day)
    report: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(LongText)
    created_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sequence: Mapped[int | None] = mapped_column(BigId)  # the order in which imports were published
    watermark: Mapped[str | None] = mapped_column(Name(120))  # the source's, once this is loaded
    pulled_by: Mapped[int | None] = mapped_column(BigId, index=True)  # the job that fetched it
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str] = mapped_column(Name(120), default="")
    artifact_deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # after the retention time


class RejectedRow(Base):
    """A row that was not loaded, with the cell that was wrong and why."""

    __tablename__ = "rejected_rows"
    __table_args__ = (sa.Index(None, "import_id", "row_number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    import_id: Mapped[int] = mapped_column(sa.ForeignKey("imports.id"))
    row_number: Mapped[int] = mapped_column(sa.Integer())  # 1 is the first row below the header
    column: Mapped[str] = mapped_column(Name(250))
    value: Mapped[str] = mapped_column(LongText)
    reason: Mapped[str] = mapped_column(Name(500))
    row: Mapped[dict[str, str]] = mapped_column(Json)  # the whole row, to correct and send again


class RecordVersion(Base):
    """A record that an import replaced or made, kept so that the import can be taken back; sales have their own table.

    The record of `dataset` with `key`, as it was before `replaced_by`: `import_id` had written it (null: a person or
    the sales had), and `record` holds its columns (null: there was none).
    """

    __tablename__ = "record_versions"
    __table_args__ = (
        sa.ForeignKeyConstraint(["replaced_by"], ["imports.id"]),
        sa.Index(None, "dataset", "key"),
        sa.Index(None, "replaced_by"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dataset: Mapped[str] = mapped_column(Name(32))
    key: Mapped[bytes] = mapped_column(HashKey)
    import_id: Mapped[int | None] = mapped_column(BigId)
    replaced_by: Mapped[int] = mapped_column(BigId)
    record: Mapped[dict[str, Any] | None] = mapped_column(Json)
