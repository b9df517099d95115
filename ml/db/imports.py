"""Imports: what was uploaded, how it was read, and the rows that were kept aside."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Day, Json, LongText, Name, UtcDateTime

IMPORT_STATES = ("uploaded", "queued", "running", "loaded", "failed")


class Import(Base):
    """One file on its way into `sales_raw`.

    `artifact` names the stored file by its content; `mapping` is column name by field;
    `report` holds counts, conflicts and notes once the import has run:
    {"rows", "loaded", "unchanged", "rejected", "conflicts": [{"code", "names"}], "notes": [str]}.
    """

    __tablename__ = "imports"
    __table_args__ = (sa.CheckConstraint(sa.column("state").in_(IMPORT_STATES), "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    filename: Mapped[str] = mapped_column(Name(250))
    artifact: Mapped[str] = mapped_column(Name(250))
    sha256: Mapped[str] = mapped_column(Name(64), index=True)
    size: Mapped[int] = mapped_column(BigId)
    dialect: Mapped[dict[str, Any]] = mapped_column(Json)  # encoding, delimiter
    mapping: Mapped[dict[str, str]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Name(16), default="uploaded")
    rows_total: Mapped[int | None] = mapped_column(sa.Integer())
    rows_loaded: Mapped[int | None] = mapped_column(sa.Integer())
    rows_unchanged: Mapped[int | None] = mapped_column(sa.Integer())
    rows_rejected: Mapped[int | None] = mapped_column(sa.Integer())
    first_date: Mapped[date | None] = mapped_column(Day)
    last_date: Mapped[date | None] = mapped_column(Day)
    report: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[str | None] = mapped_column(LongText)
    created_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


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
