"""what-if: scenarios and their forecasts

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FIGURES = ("planned", "planned_p10", "planned_p90", "changed", "changed_p10", "changed_p90")


def upgrade() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("changes", types.Json(), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("job_id", types.BigId, nullable=True),
        sa.Column("model", types.Name(80), nullable=False),
        sa.Column("as_of", types.Day, nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("ended_by", types.Name(120), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'ready', 'kept', 'dropped')", name=op.f("ck_scenarios_state")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_scenarios_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenarios")),
    )
    op.create_index(op.f("ix_scenarios_series_id"), "scenarios", ["series_id"], unique=False)
    op.create_table(
        "scenario_results",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("scenario_id", types.BigId, nullable=False),
        sa.Column("period", types.Day, nullable=False),
        *(sa.Column(name, types.Real, nullable=False) for name in FIGURES),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], name=op.f("fk_scenario_results_scenario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_results")),
        sa.UniqueConstraint("scenario_id", "period", name=op.f("uq_scenario_results_scenario_id_period")),
    )


def downgrade() -> None:
    op.drop_table("scenario_results")
    op.drop_table("scenarios")
