"""stock: simulations of policies over the past

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_simulations",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("job_id", types.BigId, nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_simulations")),
    )


def downgrade() -> None:
    op.drop_table("stock_simulations")
