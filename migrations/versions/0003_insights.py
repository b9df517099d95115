"""drift reports and anomalies

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drift_reports",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("model_id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("verdict", types.Name(16), nullable=False),
        sa.Column("reasons", types.Json(), nullable=False),
        sa.Column("levels", types.Json(), nullable=False),
        sa.Column("inputs", types.Json(), nullable=False),
        sa.Column("new_share", types.Real, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint(sa.column("verdict").in_(("ok", "watch", "retrain")), name=op.f("ck_drift_reports_verdict")),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name=op.f("fk_drift_reports_run_id")),
        sa.ForeignKeyConstraint(["model_id"], ["model_registry.id"], name=op.f("fk_drift_reports_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_reports")),
        sa.UniqueConstraint("run_id", name=op.f("uq_drift_reports_run_id")),
    )
    op.create_index(op.f("ix_drift_reports_model_id"), "drift_reports", ["model_id"], unique=False)
    op.create_index(op.f("ix_drift_reports_grain"), "drift_reports", ["grain"], unique=False)
    op.create_table(
        "anomalies",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("value", types.Amount, nullable=False),
        sa.Column("usual", types.Amount, nullable=False),
        sa.Column("score", types.Real, nullable=False),
        sa.Column("reason", types.Name(250), nullable=False),
        sa.CheckConstraint(sa.column("kind").in_(("spike", "drop")), name=op.f("ck_anomalies_kind")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_anomalies_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anomalies")),
        sa.UniqueConstraint("series_id", "grain", "period", name=op.f("uq_anomalies_series_id_grain_period")),
    )


def downgrade() -> None:
    op.drop_table("anomalies")
    op.drop_table("drift_reports")
