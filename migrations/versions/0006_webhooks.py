"""webhooks and idempotency keys

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("request_hash", types.Name(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", types.LongText, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("url", types.Name(500), nullable=False),
        sa.Column("description", types.Name(250), nullable=False),
        sa.Column("events", types.Json(), nullable=False),
        sa.Column("active", types.Flag, nullable=False),
        sa.Column("secret", types.LongText, nullable=False),
        sa.Column("old_secret", types.LongText, nullable=True),
        sa.Column("old_secret_until", types.UtcDateTime(), nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("endpoint_id", types.BigId, nullable=False),
        sa.Column("event_id", types.BigId, nullable=False),
        sa.Column("replay", sa.Integer(), nullable=False),
        sa.Column("event", types.Name(40), nullable=False),
        sa.Column("body", types.LongText, nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", types.LongText, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("next_try_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivered_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_webhook_deliveries_state")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_deliveries_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["outbox.id"], name=op.f("fk_webhook_deliveries_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "endpoint_id", "event_id", "replay", name=op.f("uq_webhook_deliveries_endpoint_id_event_id_replay")
        ),
    )
    op.create_index(op.f("ix_webhook_deliveries_created_at"), "webhook_deliveries", ["created_at"], unique=False)
    op.create_index(op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries", ["event_id"], unique=False)


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
    op.drop_table("idempotency_keys")
