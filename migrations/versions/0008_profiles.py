"""profiles of nodes, sums of errors

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PLACES = ("region", "territory", "area", "category", "subcategory")


def upgrade() -> None:
    op.create_table(
        "series_profiles",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("location_level", types.Name(16), nullable=False),
        sa.Column("product_level", types.Name(16), nullable=False),
        *(sa.Column(name, types.Name(120), nullable=False) for name in PLACES),
        sa.Column("product_id", types.BigId, nullable=True),
        sa.Column("as_of", types.Day, nullable=False),
        *(sa.Column(name, types.Amount, nullable=False) for name in ("last12", "previous12", "next12")),
        *(sa.Column(name, types.Real, nullable=True) for name in ("growth", "variation")),
        sa.Column("volume_class", types.Name(1), nullable=False),
        sa.Column("variability_class", types.Name(1), nullable=False),
        *(sa.Column(name, types.Real, nullable=True) for name in ("wape", "bias")),
        *(sa.Column(name, types.Amount, nullable=True) for name in ("missed", "sold", "expected", "low", "high")),
        *(sa.Column(name, types.Json(), nullable=False) for name in ("trend", "outlook")),
        sa.CheckConstraint(
            sa.column("volume_class").in_(("A", "B", "C")), name=op.f("ck_series_profiles_volume_class")
        ),
        sa.CheckConstraint(
            sa.column("variability_class").in_(("X", "Y", "Z")), name=op.f("ck_series_profiles_variability_class")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_series_profiles_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series_profiles")),
    )
    op.create_index(op.f("ix_series_profiles_product_id"), "series_profiles", ["product_id"], unique=False)
    levels = ["location_level", "product_level"]
    op.create_index(
        op.f("ix_series_profiles_location_level_product_level_last12"), "series_profiles", [*levels, "last12"]
    )
    op.create_table(
        "accuracy_cells",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        *(sa.Column(name, types.Name(16), nullable=False) for name in levels),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        *(sa.Column(name, types.Name(120), nullable=False) for name in ("region", "territory", "category")),
        sa.Column("forecasts", sa.Integer(), nullable=False),
        *(sa.Column(name, types.Real, nullable=False) for name in ("actual", "size", "forecast", "error")),
        sa.Column("inside", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accuracy_cells")),
    )
    op.create_index(
        op.f("ix_accuracy_cells_grain_location_level_product_level_period"),
        "accuracy_cells",
        ["grain", *levels, "period"],
    )


def downgrade() -> None:
    op.drop_table("accuracy_cells")
    op.drop_table("series_profiles")
