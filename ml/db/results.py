"""What the engine produces: model versions, forecast runs, and the forecasts themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ml.db.base import Base, unique_where_present, utc_now
from ml.db.runs import PublishedRun
from ml.db.types import BigId, Day, Json, Name, Real, UtcDateTime

RUN_STATES = ("running", "published", "superseded", "failed")
PARTITION_STATES = ("owed", "claimed", "done")
PROMOTION_KINDS = ("trained", "manual", "rollback")


class ModelVersion(Base):
    """A trained model. `alias` is 'champion' for the one that serves its grain and segment, 'challenger' for the newest
    one that did not win against it, else null.

    `slot` is the grain while the version is champion and null otherwise, so that a unique index
    admits one champion a grain and segment. `segment` is '' for a model of all series of its grain.
    """

    __tablename__ = "model_registry"
    __table_args__ = (
        sa.UniqueConstraint("model_name", "version"),
        unique_where_present("uq_model_registry_slot_segment", "slot", "segment"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    model_name: Mapped[str] = mapped_column(Name(80))  # e.g. sales-monthly
    model_type: Mapped[str] = mapped_column(Name(40))  # seasonal_naive, lightgbm, ...
    version: Mapped[int] = mapped_column(sa.Integer())
    path: Mapped[str] = mapped_column(Name(250))
    metrics: Mapped[dict[str, Any]] = mapped_column(Json)
    trained_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    alias: Mapped[str | None] = mapped_column(Name(16))
    slot: Mapped[str | None] = mapped_column(Name(16))
    grain: Mapped[str] = mapped_column(Name(8))
    segment: Mapped[str] = mapped_column(Name(40), default="")
    location_level: Mapped[str] = mapped_column(Name(16))
    product_level: Mapped[str] = mapped_column(Name(16))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    features: Mapped[list[str]] = mapped_column(Json)
    data_from: Mapped[date] = mapped_column(Day)
    data_to: Mapped[date] = mapped_column(Day)
    series_count: Mapped[int] = mapped_column(sa.Integer())
    reason: Mapped[str] = mapped_column(Name(500), default="")  # why this one of the candidates
    verdict: Mapped[str] = mapped_column(Name(500), default="")  # why it replaced the champion, or did not
    checksum: Mapped[str] = mapped_column(Name(64))
    artifact_bytes: Mapped[int | None] = mapped_column(sa.Integer())
    artifact_deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    libraries: Mapped[dict[str, str]] = mapped_column(Json)


class ModelPromotion(Base):
    """A version that was put in charge: instead of which, by whom ('': by a training), when and why. Rows only come."""

    __tablename__ = "model_promotions"
    __table_args__ = (sa.CheckConstraint(sa.column("kind").in_(PROMOTION_KINDS), "kind"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    model_id: Mapped[int] = mapped_column(sa.ForeignKey("model_registry.id"), index=True)
    previous_id: Mapped[int | None] = mapped_column(sa.ForeignKey("model_registry.id"))
    grain: Mapped[str] = mapped_column(Name(8))
    segment: Mapped[str] = mapped_column(Name(40), default="")
    kind: Mapped[str] = mapped_column(Name(16))
    promoted_by: Mapped[str] = mapped_column(Name(120), default="")
    promoted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    reason: Mapped[str] = mapped_column(Name(500))


class ForecastRun(PublishedRun, Base):
    """One forecast of all series of a grain; `slot` is the grain while it is the published one.

    `plan` is what all of its partitions go by, `wish` names who asked for it, so that a wish that is taken up again
    goes on with it.
    """

    __tablename__ = "forecast_runs"
    STATES = RUN_STATES

    grain: Mapped[str] = mapped_column(Name(8), index=True)
    model_id: Mapped[int] = mapped_column(sa.ForeignKey("model_registry.id"))
    as_of: Mapped[date] = mapped_column(Day)  # first day of the last complete period
    horizon: Mapped[int] = mapped_column(sa.Integer())
    location_level: Mapped[str] = mapped_column(Name(16))
    product_level: Mapped[str] = mapped_column(Name(16))
    series_count: Mapped[int] = mapped_column(sa.Integer(), default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    plan: Mapped[dict[str, Any] | None] = mapped_column(Json)
    wish: Mapped[str | None] = mapped_column(Name(40))


class ForecastPartition(Base):
    """A part of the series of a run, which one process at a time forecasts and writes.

    `claim` is the fence: it moves on each time that the partition is taken, and who holds an earlier one may commit
    nothing. What has to be added up over partitions is handed over in the file `path` once it is done.
    """

    __tablename__ = "forecast_partitions"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(PARTITION_STATES), "state"),
        sa.UniqueConstraint("run_id", "number"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"))
    number: Mapped[int] = mapped_column(sa.Integer())
    part: Mapped[dict[str, Any]] = mapped_column(Json)  # ml.etl.partition.Partition
    leaves: Mapped[int] = mapped_column(sa.Integer())  # places and products that it reads
    state: Mapped[str] = mapped_column(Name(16), default="owed")
    claim: Mapped[int] = mapped_column(sa.Integer(), default=0)  # how often it was taken
    claimed_by: Mapped[str | None] = mapped_column(Name(80))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    series_count: Mapped[int] = mapped_column(sa.Integer(), default=0)
    rows_count: Mapped[int] = mapped_column(sa.Integer(), default=0)
    path: Mapped[str | None] = mapped_column(Name(250))
    checksum: Mapped[str | None] = mapped_column(Name(64))


class ForecastResult(Base):
    """The forecast of one series for one period: sales in currency per period."""

    __tablename__ = "forecast_results"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "series_id", "period"),
        sa.Index(None, "series_id", "period"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"))
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"))
    grain: Mapped[str] = mapped_column(Name(8))
    period: Mapped[date] = mapped_column(Day)  # first day of the forecast period
    as_of: Mapped[date] = mapped_column(Day)
    model_version: Mapped[str] = mapped_column(Name(80))  # '<name>/<version>:<model that made it>'
    mean: Mapped[float] = mapped_column(Real)
    p025: Mapped[float] = mapped_column(Real)
    p10: Mapped[float] = mapped_column(Real)
    p25: Mapped[float] = mapped_column(Real)
    p50: Mapped[float] = mapped_column(Real)
    p75: Mapped[float] = mapped_column(Real)
    p90: Mapped[float] = mapped_column(Real)
    p975: Mapped[float] = mapped_column(Real)
    actual: Mapped[float | None] = mapped_column(Real)


class ForecastFactor(Base):
    """What one theme (`ml.explain.themes`) adds to the forecast of a series for the first period of a run; the themes
    of a series, the base among them, add up to its mean. Kept for the published run and the one before it."""

    __tablename__ = "forecast_factors"
    __table_args__ = (sa.UniqueConstraint("run_id", "series_id", "theme"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("forecast_runs.id"))
    series_id: Mapped[int] = mapped_column(sa.ForeignKey("series.id"), index=True)
    theme: Mapped[str] = mapped_column(Name(80))
    units: Mapped[float] = mapped_column(Real)
