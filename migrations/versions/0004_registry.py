"""registry: challengers, segments, promotions and deleted artifacts

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PRESENT = sa.text("slot IS NOT NULL")


def slot_index(*columns: str) -> None:
    op.create_index(
        "uq_model_registry_" + "_".join(columns),
        "model_registry",
        list(columns),
        unique=True,
        mssql_where=PRESENT,
        sqlite_where=PRESENT,
        postgresql_where=PRESENT,
    )


def upgrade() -> None:
    op.add_column("model_registry", sa.Column("segment", types.Name(40), nullable=False, server_default=""))
    op.add_column("model_registry", sa.Column("verdict", types.Name(500), nullable=False, server_default=""))
    op.add_column("model_registry", sa.Column("artifact_bytes", sa.Integer(), nullable=True))
    op.add_column("model_registry", sa.Column("artifact_deleted_at", types.UtcDateTime(), nullable=True))
    op.drop_index("uq_model_registry_slot", "model_registry")
    slot_index("slot", "segment")
    op.create_table(
        "model_promotions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("model_id", types.BigId, nullable=False),
        sa.Column("previous_id", types.BigId, nullable=True),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("segment", types.Name(40), nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("promoted_by", types.Name(120), nullable=False),
        sa.Column("promoted_at", types.UtcDateTime(), nullable=False),
        sa.Column("reason", types.Name(500), nullable=False),
        sa.CheckConstraint("kind IN ('trained', 'manual', 'rollback')", name=op.f("ck_model_promotions_kind")),
        sa.ForeignKeyConstraint(["model_id"], ["model_registry.id"], name=op.f("fk_model_promotions_model_id")),
        sa.ForeignKeyConstraint(["previous_id"], ["model_registry.id"], name=op.f("fk_model_promotions_previous_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_promotions")),
    )
    op.create_index(op.f("ix_model_promotions_model_id"), "model_promotions", ["model_id"], unique=False)
    op.execute(
        "INSERT INTO model_promotions (model_id, grain, segment, kind, promoted_by, promoted_at, reason) "
        "SELECT id, grain, '', 'trained', '', trained_at, reason FROM model_registry WHERE slot IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("model_promotions")
    op.execute("UPDATE model_registry SET alias = NULL WHERE alias = 'challenger'")
    op.execute("UPDATE model_registry SET slot = NULL, alias = NULL WHERE segment <> ''")
    op.drop_index("uq_model_registry_slot_segment", "model_registry")
    slot_index("slot")
    op.drop_column("model_registry", "artifact_deleted_at")
    op.drop_column("model_registry", "artifact_bytes")
    op.drop_column("model_registry", "verdict", mssql_drop_default=True)
    op.drop_column("model_registry", "segment", mssql_drop_default=True)
