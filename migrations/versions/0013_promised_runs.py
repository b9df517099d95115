"""schedules, the ledger of promised runs, leases, and the jobs of events

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", types.Name(80), nullable=False),
        sa.Column("cron", types.Name(120), nullable=False),
        sa.Column("timezone", types.Name(64), nullable=False),
        sa.Column("kind", types.Name(40), nullable=False),
        sa.Column("arguments", types.Json(), nullable=False),
        sa.Column("jitter_seconds", sa.Integer(), nullable=False),
        sa.Column("catch_up", types.Name(16), nullable=False),
        sa.Column("catch_up_minutes", sa.Integer(), nullable=False),
        sa.Column("late_after_minutes", sa.Integer(), nullable=False),
        sa.Column("paused", types.Flag, nullable=False),
        sa.Column("effective_from", types.UtcDateTime(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("catch_up IN ('latest', 'all', 'none')", name=op.f("ck_schedules_catch_up")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_table(
        "promised_runs",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("schedule_id", types.Name(80), nullable=False),
        sa.Column("slot", types.UtcDateTime(), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("job_id", types.BigId, nullable=True),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("delivered", sa.Integer(), nullable=True),
        sa.Column("note", types.Name(500), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('owed', 'started', 'published', 'failed', 'skipped', 'missed')",
            name=op.f("ck_promised_runs_state"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job_runs.id"], name=op.f("fk_promised_runs_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promised_runs")),
        sa.UniqueConstraint("schedule_id", "slot", name=op.f("uq_promised_runs_schedule_id_slot")),
    )
    op.create_index(op.f("ix_promised_runs_job_id"), "promised_runs", ["job_id"], unique=False)
    op.create_index(op.f("ix_promised_runs_state_due_at"), "promised_runs", ["state", "due_at"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", types.Name(40), nullable=False),
        sa.Column("holder", types.Name(120), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.add_column("outbox", sa.Column("job_id", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_outbox_job_id"), "outbox", ["job_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_job_id"), table_name="outbox")
    op.drop_column("outbox", "job_id")
    op.drop_table("leases")
    op.drop_table("promised_runs")
    op.drop_table("schedules")
