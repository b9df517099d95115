"""saved views

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("user_id", types.BigId, nullable=False),
        sa.Column("page", types.Name(32), nullable=False),
        sa.Column("name", types.Name(80), nullable=False),
        sa.Column("filters", types.Json(), nullable=False),
        sa.Column("shared", types.Flag, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("user_id", "page", "name", name=op.f("uq_saved_views_user_id_page_name")),
    )


def downgrade() -> None:
    op.drop_table("saved_views")
