"""What-if: promotions of the plan changed for a part, and what the champion makes of that beside the plan as it is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import BigId, Day, Json, Name, Real, UtcDateTime

SCENARIO_STATES = ("waiting", "ready", "kept", "dropped")


class Scenario(Base):
    """A copy of the plan with changes, which count for nothing until they are kept.

    `changes` holds `add`, promotions of the series by `name`, `starts_on` and `ends_on`, and `remove`, ids of events.
    It is `waiting` until its job has forecast it; `model` and `as_of` say from what.
    """

    __tablename__ = "scenarios"
    __table_args__ = (sa.CheckConstraint(sa.column("state").in_(SCENARIO_STATES), "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"), index=True)
    grain: Mapped[str] = mapped_column(Name(8))
    name: Mapped[str] = mapped_column(Name(120))
    changes: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(Name(16), default="waiting")
    job_id: Mapped[int | None] = mapped_column(BigId)
    model: Mapped[str] = mapped_column(Name(80), default="")
    as_of: Mapped[date | None] = mapped_column(Day)
    created_by: Mapped[str] = mapped_column(Name(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    ended_by: Mapped[str] = mapped_column(Name(120), default="")  # kept or dropped it
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ScenarioResult(Base):
    """The forecast of a scenario's series for one period: under the plan as it is, and under the changed one."""

    __tablename__ = "scenario_results"
    __table_args__ = (sa.UniqueConstraint("scenario_id", "period"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scenario_id: Mapped[int] = mapped_column(sa.ForeignKey("scenarios.id"))
    period: Mapped[date] = mapped_column(Day)  # its first day
    planned: Mapped[float] = mapped_column(Real)
    planned_p10: Mapped[float] = mapped_column(Real)
    planned_p90: Mapped[float] = mapped_column(Real)
    changed: Mapped[float] = mapped_column(Real)
    changed_p10: Mapped[float] = mapped_column(Real)
    changed_p90: Mapped[float] = mapped_column(Real)
