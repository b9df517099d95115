"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("code", types.Name(80), nullable=False),
        sa.Column("name", types.Name(250), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("key", name=op.f("uq_customers_key")),
    )
    op.create_index(op.f("ix_customers_code"), "customers", ["code"], unique=False)

    op.create_table(
        "imports",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("filename", types.Name(250), nullable=False),
        sa.Column("artifact", types.Name(250), nullable=False),
        sa.Column("sha256", types.Name(64), nullable=False),
        sa.Column("size", types.BigId, nullable=False),
        sa.Column("dialect", types.Json(), nullable=False),
        sa.Column("mapping", types.Json(), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("rows_loaded", sa.Integer(), nullable=True),
        sa.Column("rows_unchanged", sa.Integer(), nullable=True),
        sa.Column("rows_rejected", sa.Integer(), nullable=True),
        sa.Column("first_date", types.Day, nullable=True),
        sa.Column("last_date", types.Day, nullable=True),
        sa.Column("report", types.Json(), nullable=True),
        sa.Column("error", types.LongText, nullable=True),
        sa.Column("created_by", types.Name(120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('uploaded', 'queued', 'running', 'loaded', 'failed')", name=op.f("ck_imports_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_created_at"), "imports", ["created_at"], unique=False)
    op.create_index(op.f("ix_imports_sha256"), "imports", ["sha256"], unique=False)

    op.create_table(
        "model_registry",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("model_name", types.Name(80), nullable=False),
        sa.Column("model_type", types.Name(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("path", types.Name(250), nullable=False),
        sa.Column("metrics", types.Json(), nullable=False),
        sa.Column("trained_at", types.UtcDateTime(), nullable=False),
        sa.Column("alias", types.Name(16), nullable=True),
        sa.Column("slot", types.Name(16), nullable=True),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("location_level", types.Name(16), nullable=False),
        sa.Column("product_level", types.Name(16), nullable=False),
        sa.Column("parameters", types.Json(), nullable=False),
        sa.Column("features", types.Json(), nullable=False),
        sa.Column("data_from", types.Day, nullable=False),
        sa.Column("data_to", types.Day, nullable=False),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("reason", types.Name(500), nullable=False),
        sa.Column("checksum", types.Name(64), nullable=False),
        sa.Column("libraries", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_registry")),
        sa.UniqueConstraint("model_name", "version", name=op.f("uq_model_registry_model_name_version")),
    )
    op.create_index(
        "uq_model_registry_slot",
        "model_registry",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )

    op.create_table(
        "outbox",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", types.Name(80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("available_at", types.UtcDateTime(), nullable=False),
        sa.Column("claimed_by", types.Name(80), nullable=True),
        sa.Column("handled_at", types.UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", types.LongText, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_handled_at_id"), "outbox", ["handled_at", "id"], unique=False)

    op.create_table(
        "products",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("code", types.Name(80), nullable=False),
        sa.Column("name", types.Name(250), nullable=False),
        sa.Column("category", types.Name(120), nullable=False),
        sa.Column("subcategory", types.Name(120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("key", name=op.f("uq_products_key")),
    )
    op.create_index(op.f("ix_products_code"), "products", ["code"], unique=False)

    op.create_table(
        "roles",
        sa.Column("name", types.Name(16), nullable=False),
        sa.Column("description", types.Name(250), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )
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

    op.create_table(
        "sign_in_throttles",
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", types.UtcDateTime(), nullable=False),
        sa.Column("blocked_until", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttles")),
    )
    op.create_index(
        op.f("ix_sign_in_throttles_last_failure_at"), "sign_in_throttles", ["last_failure_at"], unique=False
    )

    op.create_table(
        "forecast_runs",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("slot", types.Name(16), nullable=True),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("model_id", types.BigId, nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("location_level", types.Name(16), nullable=False),
        sa.Column("product_level", types.Name(16), nullable=False),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("published_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'published', 'superseded', 'failed')", name=op.f("ck_forecast_runs_state")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model_registry.id"], name=op.f("fk_forecast_runs_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_runs")),
    )
    op.create_index(op.f("ix_forecast_runs_grain"), "forecast_runs", ["grain"], unique=False)
    op.create_index(
        "uq_forecast_runs_slot",
        "forecast_runs",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )

    op.create_table(
        "job_runs",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("kind", types.Name(40), nullable=False),
        sa.Column("queue", types.Name(40), nullable=False),
        sa.Column("arguments", types.Json(), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("dedupe_key", types.Name(120), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("run_after", types.UtcDateTime(), nullable=False),
        sa.Column("dispatched_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("phase", types.Name(120), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("timings", types.Json(), nullable=True),
        sa.Column("log_tail", types.LongText, nullable=True),
        sa.Column("attempts", types.Json(), nullable=True),
        sa.Column("result", types.Json(), nullable=True),
        sa.Column("error", types.LongText, nullable=True),
        sa.Column("requested_by", types.Name(120), nullable=False),
        sa.Column("caused_by", types.BigId, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_job_runs_state")
        ),
        sa.ForeignKeyConstraint(["caused_by"], ["outbox.id"], name=op.f("fk_job_runs_caused_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
    )
    op.create_index(op.f("ix_job_runs_created_at"), "job_runs", ["created_at"], unique=False)
    op.create_index(op.f("ix_job_runs_state_dispatched_at"), "job_runs", ["state", "dispatched_at"], unique=False)
    op.create_index(
        "uq_job_runs_dedupe_key",
        "job_runs",
        ["dedupe_key"],
        unique=True,
        mssql_where=sa.text("dedupe_key IS NOT NULL"),
        sqlite_where=sa.text("dedupe_key IS NOT NULL"),
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    )

    op.create_table(
        "rejected_rows",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("import_id", types.BigId, nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("column", types.Name(250), nullable=False),
        sa.Column("value", types.LongText, nullable=False),
        sa.Column("reason", types.Name(500), nullable=False),
        sa.Column("row", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_rejected_rows_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_rows")),
    )
    op.create_index(
        op.f("ix_rejected_rows_import_id_row_number"), "rejected_rows", ["import_id", "row_number"], unique=False
    )

    op.create_table(
        "series",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("location_level", types.Name(16), nullable=False),
        sa.Column("product_level", types.Name(16), nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("category", types.Name(120), nullable=False),
        sa.Column("subcategory", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=True),
        sa.Column("location_parent_id", types.BigId, nullable=True),
        sa.Column("product_parent_id", types.BigId, nullable=True),
        sa.Column("first_sale", types.Day, nullable=True),
        sa.Column("last_sale", types.Day, nullable=True),
        sa.ForeignKeyConstraint(["location_parent_id"], ["series.id"], name=op.f("fk_series_location_parent_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_series_product_id")),
        sa.ForeignKeyConstraint(["product_parent_id"], ["series.id"], name=op.f("fk_series_product_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("key", name=op.f("uq_series_key")),
    )
    op.create_index(
        op.f("ix_series_location_level_product_level"), "series", ["location_level", "product_level"], unique=False
    )
    op.create_index(op.f("ix_series_location_parent_id"), "series", ["location_parent_id"], unique=False)
    op.create_index(op.f("ix_series_product_id"), "series", ["product_id"], unique=False)
    op.create_index(op.f("ix_series_product_parent_id"), "series", ["product_parent_id"], unique=False)
    op.create_index(op.f("ix_series_region_territory_area"), "series", ["region", "territory", "area"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("email", types.Name(120), nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("password_hash", types.Name(250), nullable=False),
        sa.Column("role_name", types.Name(16), nullable=False),
        sa.Column("active", types.Flag, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("last_login_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["role_name"], ["roles.name"], name=op.f("fk_users_role_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "forecast_results",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("period", types.Day, nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("model_version", types.Name(80), nullable=False),
        sa.Column("mean", types.Real, nullable=False),
        sa.Column("p025", types.Real, nullable=False),
        sa.Column("p10", types.Real, nullable=False),
        sa.Column("p25", types.Real, nullable=False),
        sa.Column("p50", types.Real, nullable=False),
        sa.Column("p75", types.Real, nullable=False),
        sa.Column("p90", types.Real, nullable=False),
        sa.Column("p975", types.Real, nullable=False),
        sa.Column("actual", types.Real, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.id"], name=op.f("fk_forecast_results_run_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_forecast_results_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_results")),
        sa.UniqueConstraint("run_id", "series_id", "period", name=op.f("uq_forecast_results_run_id_series_id_period")),
    )
    op.create_index(
        op.f("ix_forecast_results_series_id_period"), "forecast_results", ["series_id", "period"], unique=False
    )

    op.create_table(
        "login_sessions",
        sa.Column("id", types.Name(32), nullable=False),
        sa.Column("user_id", types.BigId, nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)

    op.create_table(
        "sales_agg_daily",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("sale_date", types.Day, nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("total_sales", types.Amount, nullable=False),
        sa.Column("total_qty", types.Amount, nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sales_agg_daily_product_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_sales_agg_daily_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_agg_daily")),
        sa.UniqueConstraint("series_id", "sale_date", name=op.f("uq_sales_agg_daily_series_id_sale_date")),
    )
    op.create_index(op.f("ix_sales_agg_daily_sale_date"), "sales_agg_daily", ["sale_date"], unique=False)

    op.create_table(
        "sales_agg_monthly",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("yearmonth", types.Name(7), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("total_sales", types.Amount, nullable=False),
        sa.Column("total_qty", types.Amount, nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sales_agg_monthly_product_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_sales_agg_monthly_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_agg_monthly")),
        sa.UniqueConstraint("series_id", "yearmonth", name=op.f("uq_sales_agg_monthly_series_id_yearmonth")),
    )
    op.create_index(op.f("ix_sales_agg_monthly_yearmonth"), "sales_agg_monthly", ["yearmonth"], unique=False)

    op.create_table(
        "sales_agg_weekly",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("week_start", types.Day, nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("series_id", types.BigId, nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("total_sales", types.Amount, nullable=False),
        sa.Column("total_qty", types.Amount, nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sales_agg_weekly_product_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_sales_agg_weekly_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_agg_weekly")),
        sa.UniqueConstraint("series_id", "week_start", name=op.f("uq_sales_agg_weekly_series_id_week_start")),
    )
    op.create_index(op.f("ix_sales_agg_weekly_week_start"), "sales_agg_weekly", ["week_start"], unique=False)

    op.create_table(
        "sales_raw",
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
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_sales_raw_customer_id")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_sales_raw_import_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_sales_raw_product_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_sales_raw_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_raw")),
        sa.UniqueConstraint("row_key", name=op.f("uq_sales_raw_row_key")),
    )
    op.create_index(op.f("ix_sales_raw_import_id"), "sales_raw", ["import_id"], unique=False)
    op.create_index(op.f("ix_sales_raw_sale_date_series_id"), "sales_raw", ["sale_date", "series_id"], unique=False)

    roles = sa.table("roles", sa.column("name", types.Name(16)), sa.column("description", types.Name(250)))
    op.bulk_insert(
        roles,
        [
            {"name": "viewer", "description": "Looks at forecasts, models and jobs."},
            {"name": "planner", "description": "A viewer who imports sales and asks for forecasts."},
            {"name": "operator", "description": "A viewer who imports, trains, and manages jobs."},
            {"name": "admin", "description": "May do everything, users included."},
        ],
    )


def downgrade() -> None:
    op.drop_table("sales_raw")
    op.drop_table("sales_agg_weekly")
    op.drop_table("sales_agg_monthly")
    op.drop_table("sales_agg_daily")
    op.drop_table("login_sessions")
    op.drop_table("forecast_results")
    op.drop_table("users")
    op.drop_table("series")
    op.drop_table("rejected_rows")
    op.drop_table("job_runs")
    op.drop_table("forecast_runs")
    op.drop_table("sign_in_throttles")
    op.drop_table("sales_staging")
    op.drop_table("roles")
    op.drop_table("products")
    op.drop_table("outbox")
    op.drop_table("model_registry")
    op.drop_table("imports")
    op.drop_table("customers")
