"""What planners change about forecasts: overrides by period, and what they move in the series that are forecast."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, utc_now
from ml.db.types import Amount, BigId, Day, Name, UtcDateTime

OVERRIDE_KINDS = ("value", "percent")
OVERRIDE_STATES = ("waiting", "active", "refused", "withdrawn")
OVERRIDE_REASONS = ("promotion", "price", "customer", "supply", "market", "event", "correction", "other")


class PartColumns:
    """The columns that name a part of the business: a place and a product; what is left open is '' or null.

    A product is named by its id alone: its category may be corrected later.
    """

    location_level: Mapped[str] = mapped_column(Name(16))
    product_level: Mapped[str] = mapped_column(Name(16))
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    subcategory: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int | None] = mapped_column(BigId)


class ForecastOverride(PartColumns, Base):
    """A change of the forecast of a part, by a person; it holds for the runs to come until it is withdrawn.

    One that is `active` counts; `waiting` ones count when a second person has approved them. Active ones apply in the
    order of `activated_at`, each to what those before it left.
    """

    __tablename__ = "forecast_overrides"
    __table_args__ = (
        sa.CheckConstraint(sa.column("kind").in_(OVERRIDE_KINDS), "kind"),
        sa.CheckConstraint(sa.column("state").in_(OVERRIDE_STATES), "state"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"]),
        sa.Index(None, "grain", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    grain: Mapped[str] = mapped_column(Name(8))
    kind: Mapped[str] = mapped_column(Name(8))  # of its values: sales in currency, or percent of the forecast before it
    reason: Mapped[str] = mapped_column(Name(16))
    comment: Mapped[str] = mapped_column(Name(500), default="")
    state: Mapped[str] = mapped_column(Name(16))
    created_by: Mapped[str] = mapped_column(Name(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(Name(120), default="")  # approved or refused it
    ended_by: Mapped[str] = mapped_column(Name(120), default="")  # withdrew it
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OverrideValue(Base):
    """What an override says of one period, and what the forecast of its part was without and with it.

    `system`, `before` and `after` are those of the run that it was applied to last; `final` (all overrides together),
    `actual` and `naive` (the same period a season before) are filled in when the period is over.
    """

    __tablename__ = "override_values"
    __table_args__ = (sa.UniqueConstraint("override_id", "period"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    override_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_overrides.id"))
    period: Mapped[date] = mapped_column(Day)  # its first day
    value: Mapped[float] = mapped_column(Amount)
    system: Mapped[float | None] = mapped_column(Amount)
    before: Mapped[float | None] = mapped_column(Amount)
    after: Mapped[float | None] = mapped_column(Amount)
    final: Mapped[float | None] = mapped_column(Amount)
    actual: Mapped[float | None] = mapped_column(Amount)
    naive: Mapped[float | None] = mapped_column(Amount)


class OverrideDelta(Base):
    """What an override adds to one series of a run: a base series, or a leaf where its part is finer."""

    __tablename__ = "override_deltas"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "series_id", "period", "override_id"),
        sa.Index(None, "override_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    override_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_overrides.id"))
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"))
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"))
    period: Mapped[date] = mapped_column(Day)
    amount: Mapped[float] = mapped_column(Amount)
