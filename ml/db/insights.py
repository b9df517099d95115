"""What a check of the published forecast finds: drift of its model, and anomalies of sales at every stored level."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import Amount, BigId, Day, Json, Name, Real, UtcDateTime

DRIFT_VERDICTS = ("ok", "watch", "retrain")
ANOMALY_KINDS = ("spike", "drop")
ANOMALY_VERDICTS = ("open", "accepted", "dismissed", "promotion", "stockout", "error")
"""What a person may say of an anomaly; `open` is one that nobody has answered."""


class DriftReport(Base):
    """What was found of the model of a published run; checked again, the run's report is replaced."""

    __tablename__ = "drift_reports"
    __table_args__ = (sa.CheckConstraint(sa.column("verdict").in_(DRIFT_VERDICTS), "verdict"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"), unique=True)
    model_id: Mapped[int] = mapped_column(sa.ForeignKey("model_registry.id"), index=True)
    grain: Mapped[str] = mapped_column(Name(8), index=True)
    as_of: Mapped[date] = mapped_column(Day)  # the last complete period that was looked at
    verdict: Mapped[str] = mapped_column(Name(16))
    reasons: Mapped[list[str]] = mapped_column(Json)
    levels: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # see ml.evaluation.drift.LevelDrift
    inputs: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # see ml.evaluation.drift_inputs.InputDrift
    new_share: Mapped[float] = mapped_column(Real)  # of newer sales, by series that the model never saw
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Anomaly(Base):
    """A period in which a series sold far from what is usual; those of a grain are found anew by each check, and keep
    what a person decided of them.

    `around` holds the sales before and after as they were then: {"at": 24, "values": […]}, null where nothing is known.
    `made` is what the answer wrote, so that it can be taken back (see `webapp.services.anomalies`).
    """

    __tablename__ = "anomalies"
    __table_args__ = (
        sa.UniqueConstraint("series_id", "grain", "period"),
        sa.CheckConstraint(sa.column("kind").in_(ANOMALY_KINDS), "kind"),
        sa.CheckConstraint(sa.column("verdict").in_(ANOMALY_VERDICTS), "verdict"),
        sa.Index(None, "grain", "verdict"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"))
    grain: Mapped[str] = mapped_column(Name(8))
    period: Mapped[date] = mapped_column(Day)  # its first day
    kind: Mapped[str] = mapped_column(Name(16))
    value: Mapped[float] = mapped_column(Amount)
    usual: Mapped[float] = mapped_column(Amount)
    score: Mapped[float] = mapped_column(Real)  # robust standard deviations
    reason: Mapped[str] = mapped_column(Name(250))
    around: Mapped[dict[str, Any] | None] = mapped_column(Json)
    verdict: Mapped[str] = mapped_column(Name(16), default="open")
    decided_by: Mapped[str] = mapped_column(Name(120), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    made: Mapped[dict[str, Any] | None] = mapped_column(Json)
