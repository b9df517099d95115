"""an index for each order in which profiles are listed, so that the first of a million are found without the others

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LEVEL = ["location_level", "product_level"]
INDEXES = [
    [*LEVEL, "growth", "last12"],
    [*LEVEL, "wape"],
    [*LEVEL, "bias_size"],
    [*LEVEL, "missed"],
    [*LEVEL, "volume_class", "last12"],
    [*LEVEL, "variability_class", "volume_class", "last12"],
    ["region", "territory", "area"],
]


def upgrade() -> None:
    with op.batch_alter_table("series_profiles") as profiles:
        profiles.add_column(sa.Column("bias_size", types.Real, sa.Computed("abs(bias)", persisted=True), nullable=True))
    for columns in INDEXES:
        op.create_index(op.f(f"ix_series_profiles_{'_'.join(columns)}"), "series_profiles", columns)


def downgrade() -> None:
    for columns in reversed(INDEXES):
        op.drop_index(op.f(f"ix_series_profiles_{'_'.join(columns)}"), "series_profiles")
    with op.batch_alter_table("series_profiles") as profiles:
        profiles.drop_column("bias_size")
