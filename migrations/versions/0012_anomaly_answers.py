"""answers to anomalies, and errors in the data as flags

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

VERDICTS = "verdict IN ('open', 'accepted', 'dismissed', 'promotion', 'stockout', 'error')"


def flag_kinds(*allowed: str) -> None:
    with op.batch_alter_table("cleaning_flags") as flags:
        flags.drop_constraint(flags.f("ck_cleaning_flags_kind"), type_="check")
        flags.create_check_constraint(flags.f("ck_cleaning_flags_kind"), sa.column("kind").in_(allowed))


def upgrade() -> None:
    flag_kinds("outlier", "stockout", "error")
    with op.batch_alter_table("anomalies") as anomalies:
        anomalies.add_column(sa.Column("around", types.Json(), nullable=True))
        anomalies.add_column(sa.Column("verdict", types.Name(16), nullable=False, server_default="open"))
        anomalies.add_column(sa.Column("decided_by", types.Name(120), nullable=False, server_default=""))
        anomalies.add_column(sa.Column("decided_at", types.UtcDateTime(), nullable=True))
        anomalies.add_column(sa.Column("made", types.Json(), nullable=True))
        anomalies.create_check_constraint(anomalies.f("ck_anomalies_verdict"), sa.text(VERDICTS))
        anomalies.create_index(anomalies.f("ix_anomalies_grain_verdict"), ["grain", "verdict"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM cleaning_flags WHERE kind = 'error'")
    with op.batch_alter_table("anomalies") as anomalies:
        anomalies.drop_index(anomalies.f("ix_anomalies_grain_verdict"))
        anomalies.drop_constraint(anomalies.f("ck_anomalies_verdict"), type_="check")
        for name in ("made", "decided_at", "decided_by", "verdict", "around"):
            anomalies.drop_column(name)
    flag_kinds("outlier", "stockout")
