"""partitions of forecast runs

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forecast_partitions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("part", types.Json(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_by", types.Name(80), nullable=True),
        sa.Column("claimed_at", types.UtcDateTime(), nullable=True),
        sa.Column("done_at", types.UtcDateTime(), nullable=True),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("rows_count", sa.Integer(), nullable=False),
        sa.Column("path", types.Name(250), nullable=True),
        sa.Column("checksum", types.Name(64), nullable=True),
        sa.CheckConstraint("state IN ('owed', 'claimed', 'done')", name=op.f("ck_forecast_partitions_state")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["forecast_runs.id"], name=op.f("fk_forecast_partitions_run_id_forecast_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_partitions")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_forecast_partitions_run_id_number")),
    )
    op.add_column("forecast_runs", sa.Column("plan", types.Json(), nullable=True))
    op.add_column("forecast_runs", sa.Column("wish", types.Name(40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("forecast_runs") as runs:
        runs.drop_column("wish")
        runs.drop_column("plan")
    op.drop_table("forecast_partitions")
