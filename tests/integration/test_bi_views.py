"""The views that BI tools read: they say what the API says, on every database, and survive changes of their tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from factories import load_sales, monthly_sales
from made_forecasts import publish
from test_migrations import config, empty_database

from ml.db.results import ForecastResult
from ml.db.session import create_engine, create_sessions
from webapp.queries.accuracy import accuracy
from webapp.queries.nodes import Node
from webapp.queries.series import SeriesFilter


@pytest.mark.parametrize("kind", ["sqlite", "server"])
def test_views_say_what_the_queries_say(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as url:
        engine = create_engine(url)
        with engine.connect() as connection:
            command.upgrade(config(connection), "head")
            connection.commit()
        with create_sessions(engine)() as session:
            load_sales(session, monthly_sales(1))
            publish(session, date(2022, 1, 1), periods=6, known=2)
            latest = session.execute(sa.text("SELECT COUNT(*), SUM(mean) FROM v_forecast_latest")).one()
            results = session.execute(sa.select(sa.func.count(), sa.func.sum(ForecastResult.mean))).one()
            compared = session.scalar(sa.text("SELECT COUNT(*) FROM v_actual_vs_forecast WHERE inside_80 IN (0, 1)"))
            rows = session.execute(
                sa.text("SELECT series_id, wape, bias, coverage_80 FROM v_accuracy ORDER BY series_id")
            )
            views = [tuple(row) for row in rows]
            page = accuracy(session, SeriesFilter(Node()), grain="monthly", by="series", limit=1000)
        engine.dispose()
    assert latest[0] == results[0]
    assert float(latest[1]) == pytest.approx(float(results[1]))
    assert compared == sum(item.forecasts for item in page.items)
    found = [(item.series.id, item.wape, item.bias, item.coverage80) for item in page.items if item.series]
    assert len(views) == len(found) > 5
    for view, query in zip(views, found, strict=True):
        assert [float(value) for value in view] == pytest.approx(list(query))
