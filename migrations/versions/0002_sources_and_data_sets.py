"""sources and data sets

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


AGGREGATES = ("sales_agg_daily", "sales_agg_weekly", "sales_agg_monthly")


def states(*allowed: str) -> None:
    """What `imports.state` may be."""
    with op.batch_alter_table("imports") as imports:
        imports.drop_constraint(imports.f("ck_imports_state"), type_="check")
        imports.create_check_constraint(imports.f("ck_imports_state"), sa.column("state").in_(allowed))


def upgrade() -> None:  # noqa: PLR0915
    op.create_table(
        "cleaning_policies",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("dataset", types.Name(32), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cleaning_policies")),
    )
    op.create_index(op.f("ix_cleaning_policies_dataset"), "cleaning_policies", ["dataset"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("payment_ref", types.Name(80), nullable=False),
        sa.Column("invoice_ref", types.Name(80), nullable=False),
        sa.Column("paid_on", types.Day, nullable=False),
        sa.Column("amount", types.Amount, nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("key", name=op.f("uq_payments_key")),
    )
    op.create_index(op.f("ix_payments_import_id"), "payments", ["import_id"], unique=False)
    op.create_index(op.f("ix_payments_invoice_ref"), "payments", ["invoice_ref"], unique=False)
    op.create_index(op.f("ix_payments_paid_on"), "payments", ["paid_on"], unique=False)
    op.create_table(
        "regressors",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("value", types.Real, nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regressors")),
        sa.UniqueConstraint("key", name=op.f("uq_regressors_key")),
    )
    op.create_index(op.f("ix_regressors_import_id"), "regressors", ["import_id"], unique=False)
    op.create_index(op.f("ix_regressors_name_day"), "regressors", ["name", "day"], unique=False)
    op.create_table(
        "sources",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("dataset", types.Name(32), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.Column("secret", types.LongText, nullable=True),
        sa.Column("mapping", types.Json(), nullable=False),
        sa.Column("policy", types.Json(), nullable=False),
        sa.Column("watermark", types.Name(120), nullable=True),
        sa.Column("cron", types.Name(60), nullable=False),
        sa.Column("active", types.Flag, nullable=False),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('file', 'sql', 'http')", name=op.f("ck_sources_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("name", name=op.f("uq_sources_name")),
    )
    op.create_table(
        "events",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("starts_on", types.Day, nullable=False),
        sa.Column("ends_on", types.Day, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("category", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=True),
        sa.Column("value", types.Amount, nullable=True),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.CheckConstraint("kind IN ('promotion', 'holiday', 'price', 'other')", name=op.f("ck_events_kind")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_events_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("key", name=op.f("uq_events_key")),
    )
    op.create_index(op.f("ix_events_import_id"), "events", ["import_id"], unique=False)
    op.create_index(op.f("ix_events_product_id"), "events", ["product_id"], unique=False)
    op.create_index(op.f("ix_events_starts_on_ends_on"), "events", ["starts_on", "ends_on"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("invoice_ref", types.Name(80), nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("issued_on", types.Day, nullable=False),
        sa.Column("due_on", types.Day, nullable=True),
        sa.Column("amount", types.Amount, nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("category", types.Name(120), nullable=False),
        sa.Column("disputed", types.Flag, nullable=True),
        sa.Column("paperless", types.Flag, nullable=True),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_invoices_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("key", name=op.f("uq_invoices_key")),
    )
    op.create_index(op.f("ix_invoices_customer_id_issued_on"), "invoices", ["customer_id", "issued_on"], unique=False)
    op.create_index(op.f("ix_invoices_due_on"), "invoices", ["due_on"], unique=False)
    op.create_index(op.f("ix_invoices_import_id"), "invoices", ["import_id"], unique=False)
    op.create_table(
        "job_orders",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("order_ref", types.Name(80), nullable=False),
        sa.Column("line_ref", types.Name(80), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("needed_on", types.Day, nullable=False),
        sa.Column("qty", types.Amount, nullable=False),
        sa.Column("status", types.Name(40), nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_job_orders_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_orders")),
        sa.UniqueConstraint("key", name=op.f("uq_job_orders_key")),
    )
    op.create_index(op.f("ix_job_orders_import_id"), "job_orders", ["import_id"], unique=False)
    op.create_index(op.f("ix_job_orders_product_id_needed_on"), "job_orders", ["product_id", "needed_on"], unique=False)
    op.create_table(
        "purchase_orders",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("order_ref", types.Name(80), nullable=False),
        sa.Column("line_ref", types.Name(80), nullable=False),
        sa.Column("supplier", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("ordered_on", types.Day, nullable=False),
        sa.Column("expected_on", types.Day, nullable=True),
        sa.Column("received_on", types.Day, nullable=True),
        sa.Column("qty_ordered", types.Amount, nullable=False),
        sa.Column("qty_received", types.Amount, nullable=True),
        sa.Column("unit_cost", types.Amount, nullable=True),
        sa.Column("status", types.Name(40), nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_purchase_orders_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_orders")),
        sa.UniqueConstraint("key", name=op.f("uq_purchase_orders_key")),
    )
    op.create_index(op.f("ix_purchase_orders_import_id"), "purchase_orders", ["import_id"], unique=False)
    op.create_index(
        op.f("ix_purchase_orders_product_id_expected_on"),
        "purchase_orders",
        ["product_id", "expected_on"],
        unique=False,
    )
    op.create_table(
        "stock_levels",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("on_hand", types.Amount, nullable=False),
        sa.Column("reserved", types.Amount, nullable=True),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_stock_levels_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_levels")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_levels_key")),
    )
    op.create_index(op.f("ix_stock_levels_day"), "stock_levels", ["day"], unique=False)
    op.create_index(op.f("ix_stock_levels_import_id"), "stock_levels", ["import_id"], unique=False)
    op.create_index(
        op.f("ix_stock_levels_product_id_area_day"), "stock_levels", ["product_id", "area", "day"], unique=False
    )
    op.create_table(
        "cleaning_flags",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("value", types.Amount, nullable=False),
        sa.Column("corrected", types.Amount, nullable=True),
        sa.Column("score", types.Real, nullable=False),
        sa.Column("reason", types.Name(250), nullable=False),
        sa.Column("verdict", types.Name(16), nullable=False),
        sa.Column("decided_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('outlier', 'stockout')", name=op.f("ck_cleaning_flags_kind")),
        sa.CheckConstraint("verdict IN ('open', 'accepted', 'dismissed')", name=op.f("ck_cleaning_flags_verdict")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_cleaning_flags_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cleaning_flags")),
        sa.UniqueConstraint(
            "series_id", "grain", "period", "kind", name=op.f("uq_cleaning_flags_series_id_grain_period_kind")
        ),
    )
    op.create_table(
        "record_versions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("dataset", types.Name(32), nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.Column("replaced_by", types.BigId, nullable=False),
        sa.Column("record", types.Json(), nullable=True),
        sa.ForeignKeyConstraint(["replaced_by"], ["imports.id"], name=op.f("fk_record_versions_replaced_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_versions")),
    )
    op.create_index(op.f("ix_record_versions_dataset_key"), "record_versions", ["dataset", "key"], unique=False)
    op.create_index(op.f("ix_record_versions_replaced_by"), "record_versions", ["replaced_by"], unique=False)
    op.create_table(
        "sales_repeats",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("import_id", types.BigId, nullable=False),
        sa.Column("row_key", types.HashKey, nullable=False),
        sa.Column("content_key", types.HashKey, nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_sales_repeats_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_repeats")),
    )
    op.create_index(op.f("ix_sales_repeats_import_id"), "sales_repeats", ["import_id"], unique=False)
    op.create_index(op.f("ix_sales_repeats_row_key"), "sales_repeats", ["row_key"], unique=False)
    op.create_table(
        "sales_superseded",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("replaced_by", types.BigId, nullable=False),
        sa.Column("row_key", types.HashKey, nullable=False),
        sa.Column("content_key", types.HashKey, nullable=True),
        sa.Column("sale_date", types.Day, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("sales_amount", types.Amount, nullable=False),
        sa.Column("sales_qty", types.Amount, nullable=False),
        sa.Column("channel", types.Name(80), nullable=False),
        sa.Column("customer_id", types.BigId, nullable=True),
        sa.Column("order_ref", types.Name(80), nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("import_id", types.BigId, nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_sales_superseded_import_id")),
        sa.ForeignKeyConstraint(["replaced_by"], ["imports.id"], name=op.f("fk_sales_superseded_replaced_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_superseded")),
    )
    op.create_index(op.f("ix_sales_superseded_import_id"), "sales_superseded", ["import_id"], unique=False)
    op.create_index(op.f("ix_sales_superseded_replaced_by"), "sales_superseded", ["replaced_by"], unique=False)
    op.create_index(op.f("ix_sales_superseded_row_key"), "sales_superseded", ["row_key"], unique=False)
    op.drop_table("sales_staging")
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("segment", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("region", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("territory", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("area", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("payment_terms_days", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("credit_limit", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("import_id", types.BigId, nullable=True))

    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dataset", types.Name(32), nullable=False, server_default="sales"))
        batch_op.add_column(sa.Column("source_id", types.BigId, nullable=True))
        batch_op.add_column(sa.Column("policy", types.Json(), nullable=True))
        batch_op.add_column(sa.Column("rows_changed", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("sequence", types.BigId, nullable=True))
        batch_op.add_column(sa.Column("watermark", types.Name(120), nullable=True))
        batch_op.add_column(sa.Column("pulled_by", types.BigId, nullable=True))
        batch_op.add_column(sa.Column("undone_at", types.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("artifact_deleted_at", types.UtcDateTime(), nullable=True))
        batch_op.create_index(batch_op.f("ix_imports_pulled_by"), ["pulled_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_imports_source_id"), ["source_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_imports_source_id"), "sources", ["source_id"], ["id"])

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("price", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("cost", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("lead_time_days", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("supplier", types.Name(120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("pack_size", types.Amount, nullable=True))
        batch_op.add_column(sa.Column("import_id", types.BigId, nullable=True))

    with op.batch_alter_table("sales_raw", schema=None) as batch_op:
        batch_op.add_column(sa.Column("content_key", types.HashKey, nullable=True))

    op.drop_index("ix_sales_agg_daily_sale_date", "sales_agg_daily")
    for table in AGGREGATES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_product_id"), type_="foreignkey")
            batch_op.drop_constraint(batch_op.f(f"fk_{table}_series_id"), type_="foreignkey")

    states("uploaded", "queued", "running", "loaded", "failed", "undone")


def downgrade() -> None:  # noqa: PLR0915
    op.execute("UPDATE imports SET state = 'failed' WHERE state = 'undone'")
    states("uploaded", "queued", "running", "loaded", "failed")
    for table in AGGREGATES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_foreign_key(batch_op.f(f"fk_{table}_product_id"), "products", ["product_id"], ["id"])
            batch_op.create_foreign_key(batch_op.f(f"fk_{table}_series_id"), "series", ["series_id"], ["id"])
    op.create_index("ix_sales_agg_daily_sale_date", "sales_agg_daily", ["sale_date"])

    with op.batch_alter_table("sales_raw", schema=None) as batch_op:
        batch_op.drop_column("content_key")

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("import_id")
        batch_op.drop_column("pack_size")
        batch_op.drop_column("supplier")
        batch_op.drop_column("lead_time_days")
        batch_op.drop_column("cost")
        batch_op.drop_column("price")

    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_imports_source_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_imports_source_id"))
        batch_op.drop_index(batch_op.f("ix_imports_pulled_by"))
        batch_op.drop_column("artifact_deleted_at")
        batch_op.drop_column("undone_by")
        batch_op.drop_column("undone_at")
        batch_op.drop_column("pulled_by")
        batch_op.drop_column("watermark")
        batch_op.drop_column("sequence")
        batch_op.drop_column("rows_changed")
        batch_op.drop_column("policy")
        batch_op.drop_column("source_id")
        batch_op.drop_column("dataset")

    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.drop_column("import_id")
        batch_op.drop_column("credit_limit")
        batch_op.drop_column("payment_terms_days")
        batch_op.drop_column("area")
        batch_op.drop_column("territory")
        batch_op.drop_column("region")
        batch_op.drop_column("segment")

    op.create_table(
        "sales_staging",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("row_key", types.HashKey, nullable=False),
        sa.Column("sale_date", types.Day, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("sales_amount", types.Amount, nullable=False),
        sa.Column("sales_qty", types.Amount, nullable=False),
        sa.Column("channel", types.Name(80), nullable=False),
        sa.Column("customer_id", types.BigId, nullable=True),
        sa.Column("order_ref", types.Name(80), nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("import_id", types.BigId, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_staging")),
    )
    op.create_index(op.f("ix_sales_staging_import_id"), "sales_staging", ["import_id"], unique=False)
    op.drop_table("sales_superseded")
    op.drop_table("sales_repeats")
    op.drop_table("record_versions")
    op.drop_table("cleaning_flags")
    op.drop_table("stock_levels")
    op.drop_table("purchase_orders")
    op.drop_table("job_orders")
    op.drop_table("invoices")
    op.drop_table("events")
    op.drop_table("sources")
    op.drop_table("regressors")
    op.drop_table("payments")
    op.drop_table("cleaning_policies")
