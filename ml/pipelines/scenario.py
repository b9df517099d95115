"""What-if: the forecasts of a series under the plan as it is and under a changed one, by the champion; unpublished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.bulk import insert_rows
from ml.db.catalog import Series
from ml.db.drivers import Event
from ml.db.scenarios import Scenario, ScenarioResult
from ml.errors import ConflictError
from ml.etl.extract import read_sales
from ml.etl.plans import EVENT
from ml.grains import get_grain
from ml.pipelines.making import make
from ml.progress import Progress, silent

POINTS = ("mean", "p10", "p90")


@dataclass(frozen=True)
class ScenarioForecast:
    """Totals over the horizon, in currency: as planned, and with the changes."""

    scenario_id: int
    grain: str
    periods: int
    planned: float
    changed: float

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def forecast_scenario(
    session: Session, store: ArtifactStore, scenario_id: int, progress: Progress = silent
) -> ScenarioForecast:
    """Forecast a scenario's series twice, by the champion on the sales as they are now; the caller commits.

    Both come from the same model and sales, so what differs is the plan alone. Raises ConflictError where the champion
    knows nothing of promotions, NoChampionError, ArtifactError, NotEnoughHistoryError.
    """
    scenario = session.get_one(Scenario, scenario_id)
    series = session.get_one(Series, scenario.series_id)
    spec, model = get_grain(scenario.grain), registry.champion(session, scenario.grain)
    if EVENT not in model.metrics.get("known", []):
        raise ConflictError(
            "the model in charge has learned nothing of promotions, so a change of them changes nothing."
        )
    key, changes, label = series.key.hex(), dict(scenario.changes), f"{model.model_name}/{model.version}"
    promotions = planned_promotions(changes, series)
    removed = frozenset(changes["remove"])
    table = read_sales(session, spec)
    planned = make(session, store, model, table, spec.horizon, progress=progress)
    progress("with the changes")
    changed = make(
        session, store, model, table, spec.horizon, progress=progress,
        planned=lambda events: [*(event for event in events if event.id not in removed), *promotions],
    )  # fmt: skip
    rows = side_by_side(planned.frame, changed.frame, key)
    if rows.empty:
        raise ConflictError("the series is not forecast any more; drop this and begin with one that is.")
    session.execute(sa.delete(ScenarioResult).where(ScenarioResult.scenario_id == scenario_id))
    columns = {str(name): values for name, values in rows.to_dict("list").items()}
    insert_rows(session, ScenarioResult, {"scenario_id": [scenario_id] * len(rows), **columns})
    scenario = session.get_one(Scenario, scenario_id)
    scenario.model, scenario.as_of = label, planned.cleaned.panel.last.date()
    scenario.state = "ready" if scenario.state == "waiting" else scenario.state
    sums = rows[["planned", "changed"]].sum()
    return ScenarioForecast(scenario_id, spec.name, len(rows), float(sums["planned"]), float(sums["changed"]))


def planned_promotions(changes: Mapping[str, Any], series: Series) -> Sequence[Event]:
    """The promotions that a scenario adds, as events that nobody stores."""
    named = series.product_level == "product"
    return [
        Event(
            kind="promotion", name=one["name"], starts_on=date.fromisoformat(one["starts_on"]),
            ends_on=date.fromisoformat(one["ends_on"]), region=series.region, territory=series.territory,
            area=series.area, category="" if named else series.category, product_id=series.product_id,
        )
        for one in changes["add"]
    ]  # fmt: skip


def side_by_side(planned: pd.DataFrame, changed: pd.DataFrame, key: str) -> pd.DataFrame:
    """The rows of one series from both forecasts by period: mean, P10 and P90 as `planned…` and `changed…`."""
    parts = []
    for name, frame in (("planned", planned), ("changed", changed)):
        mine = frame.loc[frame["unique_id"] == key].set_index("ds")[list(POINTS)]
        parts.append(mine.set_axis([name, f"{name}_p10", f"{name}_p90"], axis=1))
    rows = pd.concat(parts, axis=1).sort_index()
    return rows.assign(period=pd.DatetimeIndex(rows.index).date).reset_index(drop=True)
