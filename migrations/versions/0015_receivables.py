"""receivables: disputes and terms of invoices, planned cash, what is predicted, what was done to collect

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from ml.db import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invoices") as invoices:
        invoices.add_column(sa.Column("terms_days", types.Amount, nullable=True))
        invoices.add_column(sa.Column("disputed_on", types.Day, nullable=True))
    op.create_table(
        "cash_items",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", types.HashKey, nullable=False),
        sa.Column("item_ref", types.Name(80), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("amount", types.Amount, nullable=False),
        sa.Column("kind", types.Name(40), nullable=False),
        sa.Column("name", types.Name(250), nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("region", types.Name(120), nullable=False),
        sa.Column("import_id", types.BigId, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_items")),
        sa.UniqueConstraint("key", name=op.f("uq_cash_items_key")),
    )
    op.create_index(op.f("ix_cash_items_day"), "cash_items", ["day"], unique=False)
    op.create_index(op.f("ix_cash_items_import_id"), "cash_items", ["import_id"], unique=False)
    op.create_table(
        "cash_positions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("balance", types.Amount, nullable=False),
        sa.Column("minimum", types.Amount, nullable=False),
        sa.Column("set_by", types.Name(120), nullable=False),
        sa.Column("set_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_positions")),
        sa.UniqueConstraint("currency", name=op.f("uq_cash_positions_currency")),
    )
    op.create_table(
        "collection_actions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("invoice_key", types.HashKey, nullable=False),
        sa.Column("invoice_ref", types.Name(80), nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("day", types.Day, nullable=False),
        sa.Column("promised_on", types.Day, nullable=True),
        sa.Column("note", types.Name(500), nullable=False),
        sa.Column("made_by", types.Name(120), nullable=False),
        sa.Column("made_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('reminder', 'call', 'promise')", name=op.f("ck_collection_actions_kind")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_collection_actions_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_actions")),
    )
    op.create_index(op.f("ix_collection_actions_customer_id"), "collection_actions", ["customer_id"], unique=False)
    op.create_index(op.f("ix_collection_actions_invoice_key"), "collection_actions", ["invoice_key"], unique=False)
    op.create_table(
        "collect_models",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("kind", types.Name(16), nullable=False),
        sa.Column("slot", types.Name(16), nullable=True),
        sa.Column("name", types.Name(40), nullable=False),
        sa.Column("path", types.Name(250), nullable=False),
        sa.Column("checksum", types.Name(64), nullable=False),
        sa.Column("libraries", types.Json(), nullable=False),
        sa.Column("metrics", types.Json(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("trained_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('payment', 'next_order')", name=op.f("ck_collect_models_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collect_models")),
    )
    op.create_index(op.f("ix_collect_models_kind"), "collect_models", ["kind"], unique=False)
    op.create_index(
        "uq_collect_models_slot",
        "collect_models",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "collect_runs",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("slot", types.Name(16), nullable=True),
        sa.Column("state", types.Name(16), nullable=False),
        sa.Column("as_of", types.Day, nullable=True),
        sa.Column("orders_as_of", types.Day, nullable=True),
        sa.Column("payment_model_id", types.BigId, nullable=True),
        sa.Column("order_model_id", types.BigId, nullable=True),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("edges", types.Json(), nullable=True),
        sa.Column("pays", types.Json(), nullable=True),
        sa.Column("invoiced", types.Json(), nullable=True),
        sa.Column("correlation", types.Real, nullable=True),
        sa.Column("notes", types.Json(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('running', 'published', 'superseded')", name=op.f("ck_collect_runs_state")),
        sa.ForeignKeyConstraint(["order_model_id"], ["collect_models.id"], name=op.f("fk_collect_runs_order_model_id")),
        sa.ForeignKeyConstraint(
            ["payment_model_id"], ["collect_models.id"], name=op.f("fk_collect_runs_payment_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collect_runs")),
    )
    op.create_index(
        "uq_collect_runs_slot",
        "collect_runs",
        ["slot"],
        unique=True,
        mssql_where=sa.text("slot IS NOT NULL"),
        sqlite_where=sa.text("slot IS NOT NULL"),
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_table(
        "payment_predictions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("invoice_key", types.HashKey, nullable=False),
        sa.Column("invoice_ref", types.Name(80), nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("issued_on", types.Day, nullable=False),
        sa.Column("due_on", types.Day, nullable=False),
        sa.Column("due_from", types.Name(40), nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("open_amount", types.Amount, nullable=False),
        sa.Column("on_time", types.Real, nullable=False),
        sa.Column("late", types.Real, nullable=False),
        sa.Column("very_late", types.Real, nullable=False),
        sa.Column("unpaid_90", types.Real, nullable=False),
        sa.Column("expected_on", types.Day, nullable=False),
        sa.Column("p10", types.Day, nullable=False),
        sa.Column("p50", types.Day, nullable=False),
        sa.Column("p90", types.Day, nullable=False),
        sa.Column("risk", types.Real, nullable=False),
        sa.Column("reasons", types.Json(), nullable=False),
        sa.Column("basis", types.Name(80), nullable=False),
        sa.Column("late_amount", types.Amount, nullable=False),
        sa.Column("curve", types.Json(), nullable=True),
        sa.Column("settled_on", types.Day, nullable=True),
        sa.Column("missed_days", types.Real, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_payment_predictions_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["collect_runs.id"], name=op.f("fk_payment_predictions_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_predictions")),
        sa.UniqueConstraint("run_id", "invoice_key", name=op.f("uq_payment_predictions_run_id_invoice_key")),
    )
    op.create_index(op.f("ix_payment_predictions_customer_id"), "payment_predictions", ["customer_id"], unique=False)
    op.create_index(
        op.f("ix_payment_predictions_invoice_key_as_of"), "payment_predictions", ["invoice_key", "as_of"], unique=False
    )
    op.create_table(
        "receivable_figures",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("first_day", types.Day, nullable=False),
        sa.Column("last_day", types.Day, nullable=False),
        sa.Column("not_due", types.Amount, nullable=False),
        sa.Column("days_1_30", types.Amount, nullable=False),
        sa.Column("days_31_60", types.Amount, nullable=False),
        sa.Column("days_61_90", types.Amount, nullable=False),
        sa.Column("over_90", types.Amount, nullable=False),
        sa.Column("credits", types.Amount, nullable=False),
        sa.Column("invoices", sa.Integer(), nullable=False),
        sa.Column("sales", types.Amount, nullable=False),
        sa.Column("begin_amount", types.Amount, nullable=False),
        sa.Column("end_amount", types.Amount, nullable=False),
        sa.Column("current_amount", types.Amount, nullable=False),
        sa.Column("settled", types.Amount, nullable=False),
        sa.Column("paid_days", types.Amount, nullable=False),
        sa.Column("late_days", types.Amount, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_receivable_figures_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["collect_runs.id"], name=op.f("fk_receivable_figures_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receivable_figures")),
        sa.UniqueConstraint(
            "run_id",
            "customer_id",
            "currency",
            "first_day",
            "last_day",
            name=op.f("uq_receivable_figures_run_id_customer_id_currency_first_day_last_day"),
        ),
    )
    op.create_index(op.f("ix_receivable_figures_customer_id"), "receivable_figures", ["customer_id"], unique=False)
    op.create_table(
        "customer_risks",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("risk_class", types.Name(16), nullable=False),
        sa.Column("before", types.Name(16), nullable=False),
        sa.Column("direction", types.Name(8), nullable=False),
        sa.Column("late_rate", types.Real, nullable=False),
        sa.Column("delay", types.Real, nullable=False),
        sa.Column("trend", types.Real, nullable=False),
        sa.Column("overdue_days", types.Real, nullable=False),
        sa.Column("why", types.Name(250), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_risks_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["collect_runs.id"], name=op.f("fk_customer_risks_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_risks")),
        sa.UniqueConstraint("run_id", "customer_id", name=op.f("uq_customer_risks_run_id_customer_id")),
    )
    op.create_index(op.f("ix_customer_risks_customer_id"), "customer_risks", ["customer_id"], unique=False)
    op.create_table(
        "cash_forecasts",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("currency", types.Name(8), nullable=False),
        sa.Column("frequency", types.Name(8), nullable=False),
        sa.Column("first_day", types.Day, nullable=False),
        sa.Column("last_day", types.Day, nullable=False),
        sa.Column("items", types.Amount, nullable=False),
        sa.Column("invoices_mean", types.Amount, nullable=False),
        sa.Column("invoices_p10", types.Amount, nullable=False),
        sa.Column("invoices_p50", types.Amount, nullable=False),
        sa.Column("invoices_p90", types.Amount, nullable=False),
        sa.Column("sales_mean", types.Amount, nullable=False),
        sa.Column("sales_p10", types.Amount, nullable=False),
        sa.Column("sales_p50", types.Amount, nullable=False),
        sa.Column("sales_p90", types.Amount, nullable=False),
        sa.Column("balance_mean", types.Amount, nullable=False),
        sa.Column("balance_p10", types.Amount, nullable=False),
        sa.Column("balance_p50", types.Amount, nullable=False),
        sa.Column("balance_p90", types.Amount, nullable=False),
        sa.Column("short", types.Real, nullable=False),
        sa.Column("prophet", types.Amount, nullable=True),
        sa.Column("received", types.Amount, nullable=True),
        sa.CheckConstraint("frequency IN ('weekly', 'monthly')", name=op.f("ck_cash_forecasts_frequency")),
        sa.ForeignKeyConstraint(["run_id"], ["collect_runs.id"], name=op.f("fk_cash_forecasts_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cash_forecasts")),
        sa.UniqueConstraint(
            "run_id",
            "currency",
            "frequency",
            "first_day",
            name=op.f("uq_cash_forecasts_run_id_currency_frequency_first_day"),
        ),
    )
    op.create_table(
        "next_orders",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("run_id", types.BigId, nullable=False),
        sa.Column("customer_id", types.BigId, nullable=False),
        sa.Column("as_of", types.Day, nullable=False),
        sa.Column("p10", types.Day, nullable=False),
        sa.Column("p50", types.Day, nullable=False),
        sa.Column("p90", types.Day, nullable=False),
        sa.Column("in_30_days", types.Real, nullable=False),
        sa.Column("amount", types.Amount, nullable=False),
        sa.Column("categories", types.Json(), nullable=False),
        sa.Column("stage", types.Name(16), nullable=False),
        sa.Column("one_time", types.Flag, nullable=False),
        sa.Column("last_order", types.Day, nullable=False),
        sa.Column("typical_gap", types.Real, nullable=False),
        sa.Column("overdue", types.Flag, nullable=False),
        sa.Column("at_stake", types.Amount, nullable=False),
        sa.Column("ordered_on", types.Day, nullable=True),
        sa.Column("missed_days", types.Real, nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_next_orders_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["collect_runs.id"], name=op.f("fk_next_orders_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_next_orders")),
        sa.UniqueConstraint("run_id", "customer_id", name=op.f("uq_next_orders_run_id_customer_id")),
    )
    op.create_index(op.f("ix_next_orders_customer_id_as_of"), "next_orders", ["customer_id", "as_of"], unique=False)


def downgrade() -> None:
    op.drop_table("next_orders")
    op.drop_table("cash_forecasts")
    op.drop_table("customer_risks")
    op.drop_table("receivable_figures")
    op.drop_table("payment_predictions")
    op.drop_table("collect_runs")
    op.drop_table("collect_models")
    op.drop_table("collection_actions")
    op.drop_table("cash_positions")
    op.drop_table("cash_items")
    with op.batch_alter_table("invoices") as invoices:
        invoices.drop_column("disputed_on")
        invoices.drop_column("terms_days")
