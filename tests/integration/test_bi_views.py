"""The views that BI tools read: they say what the API says, on every database, and survive changes of their tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from factories import load_sales, monthly_sales
from test_migrations import config, empty_database

from ml.artifacts import ArtifactStore
from ml.db.results import ForecastResult
from ml.db.session import create_engine, create_sessions
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
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
        store = ArtifactStore(str(tmp_path / "artifacts"))
        with create_sessions(engine)() as session:
            load_sales(session, monthly_sales(14, date(2023, 5, 1)))
            train(session, store, candidates=["seasonal_naive"])
            forecast(session, store, horizon=6)
            known = sa.update(ForecastResult).where(ForecastResult.period <= date(2024, 8, 1))
            session.execute(known.values(actual=ForecastResult.mean * 1.1))
            session.commit()
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
