"""views for BI tools

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SERIES = (
    "s.location_level, s.product_level, s.region, s.territory, s.area, "
    "COALESCE(p.category, s.category) AS category, COALESCE(p.subcategory, s.subcategory) AS subcategory, "
    "s.product_id, p.code AS product_code, p.name AS product_name"
)
JOINS = (
    "FROM forecast_results f JOIN forecast_runs r ON r.id = f.run_id JOIN series s ON s.id = f.series_id "
    "LEFT JOIN products p ON p.id = s.product_id"
)

VIEWS = {
    "v_forecast_latest": (
        f"SELECT f.grain, f.period, f.as_of, f.series_id, {SERIES}, "
        "f.mean, f.p025, f.p10, f.p25, f.p50, f.p75, f.p90, f.p975, f.model_version, f.run_id, r.published_at "
        f"{JOINS} WHERE r.slot IS NOT NULL"
    ),
    "v_actual_vs_forecast": (
        f"SELECT f.grain, f.period, f.as_of, f.series_id, {SERIES}, f.actual, f.mean, f.p10, f.p50, f.p90, "
        "f.mean - f.actual AS error, ABS(f.mean - f.actual) AS abs_error, "
        "CASE WHEN f.actual BETWEEN f.p10 AND f.p90 THEN 1 ELSE 0 END AS inside_80, f.model_version, f.run_id "
        f"{JOINS} WHERE f.actual IS NOT NULL AND r.state IN ('published', 'superseded')"
    ),
    "v_accuracy": (
        "SELECT grain, series_id, location_level, product_level, region, territory, area, category, subcategory, "
        "product_id, product_code, COUNT(*) AS forecasts, SUM(actual) AS actual, SUM(mean) AS forecast, "
        "AVG(abs_error) AS mae, SUM(abs_error) / NULLIF(SUM(ABS(actual)), 0) AS wape, "
        "SUM(error) / NULLIF(SUM(ABS(actual)), 0) AS bias, AVG(inside_80 * 1.0) AS coverage_80 "
        "FROM v_actual_vs_forecast GROUP BY grain, series_id, location_level, product_level, region, territory, area, "
        "category, subcategory, product_id, product_code"
    ),
}


def upgrade() -> None:
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def downgrade() -> None:
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
