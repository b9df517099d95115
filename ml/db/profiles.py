"""What each forecast leaves for pages to read at once: a row per node of the hierarchy, and sums of errors.

Both are made anew with each published forecast; nothing else writes them, and nothing that counts is only here.
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base
from ml.db.types import Amount, BigId, Day, Json, Name, Real

VOLUME_CLASSES = ("A", "B", "C")
VARIABILITY_CLASSES = ("X", "Y", "Z")


class SeriesProfile(Base):
    """A node of the hierarchy as the explorer shows it: its year, its classes, its errors, and a small line.

    Months are the unit. Every level that the data names has its nodes here, those finer than what is forecast too:
    what is expected of them is their share. Errors are of issued forecasts, so only stored series have them.
    """

    __tablename__ = "series_profiles"
    __table_args__ = (
        sa.CheckConstraint(sa.column("volume_class").in_(VOLUME_CLASSES), "volume_class"),
        sa.CheckConstraint(sa.column("variability_class").in_(VARIABILITY_CLASSES), "variability_class"),
        sa.Index(None, "location_level", "product_level", "last12"),  # of a level by each sort and class
        sa.Index(None, "location_level", "product_level", "growth", "last12"),
        sa.Index(None, "location_level", "product_level", "wape"),
        sa.Index(None, "location_level", "product_level", "bias_size"),
        sa.Index(None, "location_level", "product_level", "missed"),
        sa.Index(None, "location_level", "product_level", "volume_class", "last12"),
        sa.Index(None, "location_level", "product_level", "variability_class", "volume_class", "last12"),
        sa.Index(None, "region", "territory", "area"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    location_level: Mapped[str] = mapped_column(Name(16))
    product_level: Mapped[str] = mapped_column(Name(16))
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    area: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    subcategory: Mapped[str] = mapped_column(Name(120), default="")
    product_id: Mapped[int | None] = mapped_column(sa.ForeignKey("products.id"), index=True)
    as_of: Mapped[date] = mapped_column(Day)  # the last complete month
    last12: Mapped[float] = mapped_column(Amount)  # sales of the last twelve complete months
    previous12: Mapped[float] = mapped_column(Amount)
    next12: Mapped[float] = mapped_column(Amount)  # expected of the next twelve, or of as many as are forecast
    growth: Mapped[float | None] = mapped_column(Real)  # last12 on previous12; null where nothing was sold before
    variation: Mapped[float | None] = mapped_column(Real)  # of the last twelve months: deviation by mean
    volume_class: Mapped[str] = mapped_column(Name(1))
    variability_class: Mapped[str] = mapped_column(Name(1))
    wape: Mapped[float | None] = mapped_column(Real)  # of what was issued for the last twelve months
    bias: Mapped[float | None] = mapped_column(Real)
    bias_size: Mapped[float | None] = mapped_column(Real, sa.Computed("abs(bias)", persisted=True))  # to sort by
    missed: Mapped[float | None] = mapped_column(Amount)  # currency that those forecasts were off by, per forecast
    sold: Mapped[float | None] = mapped_column(Amount)  # in the last month, where a forecast was issued for it
    expected: Mapped[float | None] = mapped_column(Amount)
    low: Mapped[float | None] = mapped_column(Amount)  # its P10
    high: Mapped[float | None] = mapped_column(Amount)  # its P90
    trend: Mapped[list[float]] = mapped_column(Json)  # the last 24 months
    outlook: Mapped[list[float]] = mapped_column(Json)  # the months to come


class AccuracyCell(Base):
    """Sums over the forecasts of some series for one period, made `horizon` periods before; sums add up further.

    Of a level's series those of one territory (region, or everywhere) and category are one cell.
    """

    __tablename__ = "accuracy_cells"
    __table_args__ = (sa.Index(None, "grain", "location_level", "product_level", "period"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    grain: Mapped[str] = mapped_column(Name(8))
    location_level: Mapped[str] = mapped_column(Name(16))
    product_level: Mapped[str] = mapped_column(Name(16))
    period: Mapped[date] = mapped_column(Day)
    horizon: Mapped[int] = mapped_column(sa.Integer())
    region: Mapped[str] = mapped_column(Name(120), default="")
    territory: Mapped[str] = mapped_column(Name(120), default="")
    category: Mapped[str] = mapped_column(Name(120), default="")
    forecasts: Mapped[int] = mapped_column(sa.Integer())
    actual: Mapped[float] = mapped_column(Real)
    size: Mapped[float] = mapped_column(Real)  # the actuals' absolute values
    forecast: Mapped[float] = mapped_column(Real)
    error: Mapped[float] = mapped_column(Real)  # absolute
    inside: Mapped[int] = mapped_column(sa.Integer())  # actuals within P10 to P90
