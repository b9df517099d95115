"""what makes up forecasts

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forecast_factors",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("theme", types.Name(80), nullable=False),
        sa.Column("units", types.Real, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name=op.f("fk_forecast_factors_run_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_forecast_factors_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_factors")),
        sa.UniqueConstraint("run_id", "series_id", "theme", name=op.f("uq_forecast_factors_run_id_series_id_theme")),
    )
    op.create_index(op.f("ix_forecast_factors_series_id"), "forecast_factors", ["series_id"], unique=False)


def downgrade() -> None:
    op.drop_table("forecast_factors")
