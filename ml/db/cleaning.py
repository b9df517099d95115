"""How sales are cleaned before they are learned from, and what was flagged; `sales_raw` itself is never changed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import Amount, BigId, Day, Json, Name, Real, UtcDateTime

FLAG_KINDS = ("outlier", "stockout", "error")


class CleaningPolicy(Base):
    """A policy of a data set; the newest one holds. Going back to an earlier one is a new row that repeats it."""

    __tablename__ = "cleaning_policies"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dataset: Mapped[str] = mapped_column(Name(32), index=True)
    settings: Mapped[dict[str, Any]] = mapped_column(Json)  # see ml.etl.cleaning.policy
    created_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class CleaningFlag(Base):
    """A period of a series whose sales are not taken at face value: an outlier, demand that a stockout cut off, or an
    error in the data, which only people find."""

    __tablename__ = "cleaning_flags"
    __table_args__ = (
        sa.UniqueConstraint("series_id", "grain", "period", "kind"),
        sa.CheckConstraint(sa.column("kind").in_(FLAG_KINDS), "kind"),
        sa.CheckConstraint(sa.column("verdict").in_(("open", "accepted", "dismissed")), "verdict"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"))
    grain: Mapped[str] = mapped_column(Name(8))
    period: Mapped[date] = mapped_column(Day)  # its first day
    kind: Mapped[str] = mapped_column(Name(16))
    value: Mapped[float] = mapped_column(Amount)  # as sold
    corrected: Mapped[float | None] = mapped_column(Amount)  # what is learned from instead; null: left out
    score: Mapped[float] = mapped_column(Real)  # robust standard deviations, or the share of days without stock
    reason: Mapped[str] = mapped_column(Name(250), default="")
    verdict: Mapped[str] = mapped_column(Name(16), default="open")
    decided_by: Mapped[str] = mapped_column(Name(120), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
