"""suppliers, places, rules of stock, plans, advice and reports

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_places",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("supplied_by", types.Name(120), nullable=False),
        sa.Column("transfer_days", types.Amount, nullable=True),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_places")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_places_key")),
    )
    op.create_table(
        "suppliers",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("name", types.Name(120), nullable=False),
        sa.Column("order_days", types.Name(40), nullable=False),
        sa.Column("delivery_days", types.Name(40), nullable=False),
        sa.Column("closed_days", types.Name(500), nullable=False),
        sa.Column("lead_time_days", types.Amount, nullable=True),
        sa.Column("minimum_order", types.Amount, nullable=True),
        sa.Column("free_freight_from", types.Amount, nullable=True),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppliers")),
        sa.UniqueConstraint("key", name=op.f("uq_suppliers_key")),
    )
    op.create_table(
        "stock_policies",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("category", types.Name(120), nullable=False),
        sa.Column("volume_class", types.Name(1), nullable=False),
        sa.Column("product_id", types.BigId, nullable=True),
        sa.Column("rules", types.Json(), nullable=False),
        sa.Column("updated_by", types.Name(120), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_stock_policies_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_policies")),
        sa.UniqueConstraint("key", name=op.f("uq_stock_policies_key")),
    )
    op.create_index(op.f("ix_stock_policies_product_id"), "stock_policies", ["product_id"], unique=False)
    op.create_table(
        "supplier_products",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("supplier", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("unit_cost", types.Amount, nullable=True),
        sa.Column("pack_size", types.Amount, nullable=True),
        sa.Column("minimum_qty", types.Amount, nullable=True),
        sa.Column("lead_time_days", types.Amount, nullable=True),
        sa.Column("shelf_life_days", types.Amount, nullable=True),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_supplier_products_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_products")),
        sa.UniqueConstraint("key", name=op.f("uq_supplier_products_key")),
    )
    op.create_index(op.f("ix_supplier_products_import_id"), "supplier_products", ["import_id"], unique=False)
    op.create_index(op.f("ix_supplier_products_product_id"), "supplier_products", ["product_id"], unique=False)
    op.create_table(
        "plan_runs",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("slot", types.Name(16), nullable=True),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("today", types.Day, nullable=False),
        sa.Column("grain", types.Name(8), nullable=False),
        sa.Column("forecast_run_id", types.BigId, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("summary", types.Json(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("published_at", types.UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'published', 'superseded', 'failed')", name=op.f("ck_plan_runs_state")
        ),
        sa.ForeignKeyConstraint(["forecast_run_id"], ["forecast_runs.id"], name=op.f("fk_plan_runs_forecast_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_runs")),
    )
    op.create_index(
        "uq_plan_runs_slot",
        "plan_runs",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "recommendations",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("slot", types.HashKey, nullable=True),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("kind", types.Name(8), nullable=False),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("advised", types.Amount, nullable=False),
        sa.Column("fresh", types.Amount, nullable=False),
        sa.Column("kept", types.Flag, nullable=False),
        sa.Column("quantity", types.Amount, nullable=False),
        sa.Column("order_on", types.Day, nullable=False),
        sa.Column("arrives_on", types.Day, nullable=False),
        sa.Column("unit_cost", types.Amount, nullable=True),
        sa.Column("value", types.Amount, nullable=False),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("urgency", types.Real, nullable=False),
        sa.Column("cover_days", types.Real, nullable=True),
        sa.Column("out_on", types.Day, nullable=True),
        sa.Column("lost", types.Amount, nullable=False),
        sa.Column("lost_value", types.Amount, nullable=False),
        sa.Column("reason", types.Name(1000), nullable=False),
        sa.Column("otherwise", types.Name(500), nullable=False),
        sa.Column("comment", types.Name(500), nullable=False),
        sa.Column("decided_by", types.Name(120), nullable=False),
        sa.Column("decided_at", types.UtcDateTime(), nullable=True),
        sa.Column("order_ref", types.Name(80), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("supplier", types.Name(120), nullable=False),
        sa.CheckConstraint("kind IN ('order', 'transfer')", name=op.f("ck_recommendations_kind")),
        sa.CheckConstraint(
            "state IN ('proposed', 'edited', 'accepted', 'dismissed', 'gone')", name=op.f("ck_recommendations_state")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_recommendations_product_id")),
        sa.ForeignKeyConstraint(["run_id"], ["plan_runs.id"], name=op.f("fk_recommendations_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendations")),
    )
    op.create_index(op.f("ix_recommendations_product_id_area"), "recommendations", ["product_id", "area"], unique=False)
    op.create_index(op.f("ix_recommendations_run_id"), "recommendations", ["run_id"], unique=False)
    op.create_index(op.f("ix_recommendations_state_urgency"), "recommendations", ["state", "urgency"], unique=False)
    op.create_index(
        "uq_recommendations_slot",
        "recommendations",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "stock_plans",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("counted_on", types.Day, nullable=True),
        sa.Column("on_hand", types.Amount, nullable=False),
        sa.Column("reserved", types.Amount, nullable=False),
        sa.Column("on_order", types.Amount, nullable=False),
        sa.Column("position", types.Amount, nullable=False),
        sa.Column("reorder", types.Amount, nullable=False),
        sa.Column("up_to", types.Amount, nullable=False),
        sa.Column("expected", types.Amount, nullable=False),
        sa.Column("spread", types.Amount, nullable=False),
        sa.Column("daily", types.Amount, nullable=False),
        sa.Column("cover_days", types.Real, nullable=True),
        sa.Column("alert", sa.Integer(), nullable=False),
        sa.Column("out_on", types.Day, nullable=True),
        sa.Column("out_early", types.Day, nullable=True),
        sa.Column("lost", types.Amount, nullable=False),
        sa.Column("excess", types.Amount, nullable=False),
        sa.Column("excess_value", types.Amount, nullable=False),
        sa.Column("stock_value", types.Amount, nullable=False),
        sa.Column("dead", types.Flag, nullable=False),
        sa.Column("idle_days", sa.Integer(), nullable=True),
        sa.Column("unit_cost", types.Amount, nullable=True),
        sa.Column("lead_days", types.Real, nullable=False),
        sa.Column("lead_spread", types.Real, nullable=False),
        sa.Column("quantity", types.Amount, nullable=False),
        sa.Column("rules", types.Json(), nullable=False),
        sa.Column("warnings", types.Json(), nullable=False),
        sa.Column("projection", types.Json(), nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("territory", types.Name(120), nullable=False),
        sa.Column("area", types.Name(120), nullable=False),
        sa.Column("product_id", types.BigId, nullable=False),
        sa.Column("supplier", types.Name(120), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_stock_plans_product_id")),
        sa.ForeignKeyConstraint(["run_id"], ["plan_runs.id"], name=op.f("fk_stock_plans_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_plans")),
    )
    op.create_index(op.f("ix_stock_plans_run_id_alert"), "stock_plans", ["run_id", "alert"], unique=False)
    op.create_index(op.f("ix_stock_plans_run_id_excess_value"), "stock_plans", ["run_id", "excess_value"], unique=False)
    op.create_index(
        op.f("ix_stock_plans_run_id_product_id_area"), "stock_plans", ["run_id", "product_id", "area"], unique=False
    )
    op.create_table(
        "stock_reports",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("kind", types.Name(8), nullable=False),
        sa.Column("filename", types.Name(120), nullable=False),
        sa.Column("artifact", types.Name(250), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["plan_runs.id"], name=op.f("fk_stock_reports_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reports")),
        sa.UniqueConstraint("run_id", "kind", name=op.f("uq_stock_reports_run_id_kind")),
    )


def downgrade() -> None:
    op.drop_table("stock_reports")
    op.drop_index(op.f("ix_stock_plans_run_id_product_id_area"), table_name="stock_plans")
    op.drop_index(op.f("ix_stock_plans_run_id_excess_value"), table_name="stock_plans")
    op.drop_index(op.f("ix_stock_plans_run_id_alert"), table_name="stock_plans")
    op.drop_table("stock_plans")
    op.drop_index(
        "uq_recommendations_slot",
        table_name="recommendations",
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.drop_index(op.f("ix_recommendations_state_urgency"), table_name="recommendations")
    op.drop_index(op.f("ix_recommendations_run_id"), table_name="recommendations")
    op.drop_index(op.f("ix_recommendations_product_id_area"), table_name="recommendations")
    op.drop_table("recommendations")
    op.drop_index(
        "uq_plan_runs_slot",
        table_name="plan_runs",
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.drop_table("plan_runs")
    op.drop_index(op.f("ix_supplier_products_product_id"), table_name="supplier_products")
    op.drop_index(op.f("ix_supplier_products_import_id"), table_name="supplier_products")
    op.drop_table("supplier_products")
    op.drop_index(op.f("ix_stock_policies_product_id"), table_name="stock_policies")
    op.drop_table("stock_policies")
    op.drop_table("suppliers")
    op.drop_table("stock_places")
