"""overrides of forecasts

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def part_columns() -> list[sa.Column]:
    texts = ("region", "territory", "area", "category", "subcategory")
    return [
        sa.Column("location_level", types.Name(16), nullable=False),
        sa.Column("product_level", types.Name(16), nullable=False),
        *(sa.Column(name, types.Name(120), nullable=False) for name in texts),
        sa.Column("product_id", types.BigId, nullable=True),
    ]


def upgrade() -> None:
    op.create_table(
        "forecast_overrides",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("kind", types.Name(8), nullable=False),
        sa.Column("reason", types.Name(16), nullable=False),
        sa.Column("comment", types.Name(500), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("activated_at", types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", types.Name(120), nullable=False),
        sa.Column("ended_by", types.Name(120), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        *part_columns(),
        sa.CheckConstraint("kind IN ('value', 'percent')", name=op.f("ck_forecast_overrides_kind")),
        sa.CheckConstraint(
            "state IN ('waiting', 'active', 'refused', 'withdrawn')", name=op.f("ck_forecast_overrides_state")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_forecast_overrides_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_overrides")),
    )
    op.create_index(op.f("ix_forecast_overrides_grain_state"), "forecast_overrides", ["grain", "state"], unique=False)
    op.create_table(
        "override_values",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("override_id", types.BigId, nullable=False),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("value", types.Amount, nullable=False),
        *(
            sa.Column(name, types.Amount, nullable=True)
            for name in ("system", "before", "after", "final", "actual", "naive")
        ),
        sa.ForeignKeyConstraint(
            ["override_id"], ["forecast_overrides.id"], name=op.f("fk_override_values_override_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override_values")),
        sa.UniqueConstraint("override_id", "period", name=op.f("uq_override_values_override_id_period")),
    )
    op.create_table(
        "override_deltas",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("override_id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("amount", types.Amount, nullable=False),
        sa.ForeignKeyConstraint(
            ["override_id"], ["forecast_overrides.id"], name=op.f("fk_override_deltas_override_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name=op.f("fk_override_deltas_run_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_override_deltas_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override_deltas")),
        sa.UniqueConstraint(
            "run_id", "series_id", "period", "override_id",
            name=op.f("uq_override_deltas_run_id_series_id_period_override_id"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_override_deltas_override_id"), "override_deltas", ["override_id"], unique=False)


def downgrade() -> None:
    op.drop_table("override_deltas")
    op.drop_table("override_values")
    op.drop_table("forecast_overrides")
