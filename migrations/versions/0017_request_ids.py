"""jobs and events know the request that they go back to

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("job_runs", "outbox"):
        op.add_column(table, sa.Column("request_id", types.Name(64), nullable=True))


def downgrade() -> None:
    for table in ("outbox", "job_runs"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("request_id")
