"""alerts: rules, what they found, and e-mails

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.Name(80), nullable=False),
        sa.Column("metric", types.Name(40), nullable=False),
        sa.Column("above", types.Flag, nullable=False),
        sa.Column("threshold", types.Real, nullable=False),
        sa.Column("clear_at", types.Real, nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=False),
        sa.Column("hold_minutes", sa.Integer(), nullable=False),
        sa.Column("severity", types.Name(16), nullable=False),
        sa.Column("emails", types.Json(), nullable=False),
        sa.Column("webhook", types.Flag, nullable=False),
        sa.Column("quiet_from", types.Name(5), nullable=False),
        sa.Column("quiet_until", types.Name(5), nullable=False),
        sa.Column("timezone", types.Name(64), nullable=False),
        sa.Column("repeat_minutes", sa.Integer(), nullable=False),
        sa.Column("active", types.Flag, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("severity IN ('warning', 'critical')", name=op.f("ck_alert_rules_severity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rules")),
        sa.UniqueConstraint("name", name=op.f("uq_alert_rules_name")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("rule_id", types.BigId, nullable=False),
        sa.Column("subject", types.Name(120), nullable=False),
        sa.Column("open_key", types.Name(160), nullable=True),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("value", types.Real, nullable=False),
        sa.Column("message", types.Name(500), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.Column("resolved_at", types.UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", types.UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", types.Name(120), nullable=False),
        sa.Column("told_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'open', 'resolved')", name=op.f("ck_alerts_state")),
        sa.ForeignKeyConstraint(["rule_id"], ["alert_rules.id"], name=op.f("fk_alerts_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_rule_id"), "alerts", ["rule_id"], unique=False)
    op.create_index(op.f("ix_alerts_state_id"), "alerts", ["state", "id"], unique=False)
    present = sa.text("open_key IS NOT NULL")
    op.create_index(
        "uq_alerts_open_key",
        "alerts",
        ["open_key"],
        unique=True,
        mssql_where=present,
        sqlite_where=present,
        postgresql_where=present,
    )
    op.create_table(
        "notifications",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("alert_id", types.BigId, nullable=True),
        sa.Column("recipient", types.Name(254), nullable=False),
        sa.Column("subject", types.Name(250), nullable=False),
        sa.Column("body", types.LongText, nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", types.LongText, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("next_try_at", types.UtcDateTime(), nullable=False),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_notifications_state")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_notifications_alert_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index(op.f("ix_notifications_alert_id"), "notifications", ["alert_id"], unique=False)
    op.create_index(op.f("ix_notifications_state_next_try_at"), "notifications", ["state", "next_try_at"], unique=False)


def downgrade() -> None:
    op.drop_table("notifications")
    op.drop_table("alerts")
    op.drop_table("alert_rules")
