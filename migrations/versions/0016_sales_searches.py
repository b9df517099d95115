"""events are found by name; sales by customer, order and channel on servers

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_sales_raw_customer_id": ("customer_id IS NOT NULL", ["customer_id", "sale_date", "series_id"]),
    "ix_sales_raw_order_ref": ("order_ref <> ''", ["order_ref"]),
    "ix_sales_raw_channel": ("channel <> ''", ["channel", "sale_date", "series_id"]),
}


def upgrade() -> None:
    op.create_index(op.f("ix_outbox_name_id"), "outbox", ["name", "id"])
    if op.get_context().dialect.name == "sqlite":
        return
    for name, (present, columns) in INDEXES.items():
        where = sa.text(present)
        op.create_index(op.f(name), "sales_raw", columns, mssql_where=where, postgresql_where=where)


def downgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        for name in INDEXES:
            op.drop_index(op.f(name), table_name="sales_raw")
    op.drop_index(op.f("ix_outbox_name_id"), table_name="outbox")
