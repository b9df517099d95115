"""refresh tokens, invitations, service tokens, scopes, audit log

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("scope", types.Json(), nullable=True))
    op.create_table(
        "refresh_tokens",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("session_id", types.Name(32), nullable=False),
        sa.Column("token_hash", types.HashKey, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["login_sessions.id"], name=op.f("fk_refresh_tokens_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("token_hash", types.HashKey, nullable=False),
        sa.Column("email", types.Name(120), nullable=False),
        sa.Column("role_name", types.Name(16), nullable=False),
        sa.Column("scope", types.Json(), nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("used_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["role_name"], ["roles.name"], name=op.f("fk_invitations_role_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_table(
        "service_tokens",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.Name(100), nullable=False),
        sa.Column("token_hash", types.HashKey, nullable=False),
        sa.Column("hint", types.Name(16), nullable=False),
        sa.Column("permissions", types.Json(), nullable=False),
        sa.Column("scope", types.Json(), nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", types.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_service_tokens_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_service_tokens_token_hash")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor", types.Name(120), nullable=False),
        sa.Column("action", types.Name(40), nullable=False),
        sa.Column("entity", types.Name(40), nullable=False),
        sa.Column("entity_id", types.Name(80), nullable=False),
        sa.Column("before", types.Json(), nullable=True),
        sa.Column("after", types.Json(), nullable=True),
        sa.Column("request_id", types.Name(64), nullable=False),
        sa.Column("address", types.Name(45), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_actor"), "audit_log", ["actor"], unique=False)
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"], unique=False)
    op.create_index(op.f("ix_audit_log_entity_entity_id"), "audit_log", ["entity", "entity_id"], unique=False)


def downgrade() -> None:
    op.drop_table("audit_log")
    op.drop_table("service_tokens")
    op.drop_table("invitations")
    op.drop_table("refresh_tokens")
    op.drop_column("users", "scope")
