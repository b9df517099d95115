"""Accuracy: how far issued forecasts were off, over time, by horizon and by group, and which series are the worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from ml.grains import MONTHLY
from ml.hierarchy import LOCATION_LEVELS
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.grains import asked_grain, grain_words
from webapp.pages.render import render
from webapp.pages.words import dimension_name
from webapp.queries.accuracy import Accuracy
from webapp.queries.accuracy_cells import BY, CellFilter, grouped, measured_levels
from webapp.queries.nodes import Node
from webapp.queries.profiles import Level, ProfileFilter, ProfileView, list_profiles

PERIODS = 12
"""Periods that the page looks back at."""
WORST = 10
MEASURES = {"wape": "Error (WAPE)", "bias": "Bias", "coverage": "Bands held"}
STEPS: Mapping[str, tuple[float, ...]] = {
    "wape": (0.1, 0.2, 0.35, 0.5),
    "bias": (0.05, 0.1, 0.2, 0.35),
    "coverage": (0.05, 0.1, 0.2, 0.35),
}
"""Where the shades of the heat map begin; of coverage, by how far it is from the 80 % that the bands promise."""
PROMISED = 0.8

blueprint = Blueprint("accuracy", __name__)


@blueprint.get("/accuracy")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """Errors of the last periods at the level that the query string names; without one, at the finest."""
    session, grain = db.session(), asked_grain()
    levels, last = measured_levels(session, grain)
    words = grain_words(grain)
    if last is None:
        return render("accuracy/index.html", block="results", measured=False, **words)
    level = next((one for one in levels if "/".join(one) == request.args.get("level")), levels[-1])
    region, category = (request.args.get(name, "").strip() for name in ("region", "category"))
    wanted = CellFilter(grain, level, grain.shift(last, 1 - PERIODS), last, region=region, category=category)
    groups = groups_of(level)
    by = request.args.get("by", "")
    by = by if by in groups else next(iter(groups), "")
    measure = request.args.get("measure", "")
    measure = measure if measure in MEASURES else "wape"
    by_period = grouped(session, wanted, ("period",))
    return render(
        "accuracy/index.html",
        block="results",
        measured=True,
        wanted=wanted,
        whole=grouped(session, wanted, ()).get(()),
        by_period=by_period,
        by_horizon=grouped(session, wanted, ("horizon",)),
        heat=heat_map(grouped(session, wanted, (*BY[by], "period"))) if by else {},
        periods=[period for (period,) in by_period],
        worst=worst(session, wanted) if grain is MONTHLY else [],
        by=by,
        groups=[(name, dimension_name(name).capitalize()) for name in groups],
        measure=measure,
        measures=MEASURES,
        levels=[("/".join(one), level_title(one)) for one in levels],
        filters=filters_of(wanted, by, measure),
        value_of=value_of,
        shade=shade,
        **words,
    )


def groups_of(level: Level) -> list[str]:
    """What the series of a level can be told apart by, coarse to fine."""
    places = [
        name for name in ("region", "territory") if LOCATION_LEVELS.index(name) <= LOCATION_LEVELS.index(level[0])
    ]
    return places + (["category"] if level[1] != "total" else [])


def level_title(level: Level) -> str:
    """A level in words: All sales, Region, Area and product."""
    named = [dimension_name(name) for name in level if name != "total"]
    return " and ".join(named).capitalize() or "All sales"


def heat_map(found: Mapping[tuple[Any, ...], Accuracy]) -> dict[tuple[str, ...], dict[Any, Accuracy]]:
    """By group, errors by period."""
    rows: dict[tuple[str, ...], dict[Any, Accuracy]] = {}
    for (*names, period), errors in found.items():
        rows.setdefault(tuple(names), {})[period] = errors
    return rows


def worst(session: Session, wanted: CellFilter) -> list[ProfileView]:
    """The series whose forecasts were off by most money."""
    within = Node(region=wanted.region, category=wanted.category)
    found = list_profiles(session, ProfileFilter(within, wanted.level), "missed", WORST).items
    return [one for one in found if one.row.missed is not None]


def filters_of(wanted: CellFilter, by: str, measure: str) -> dict[str, str]:
    """The query string that says the same."""
    said = {"level": "/".join(wanted.level), "region": wanted.region, "category": wanted.category,
            "by": by, "measure": measure}  # fmt: skip
    return {name: value for name, value in said.items() if value}


def value_of(errors: Accuracy | None, measure: str) -> float | None:
    """The figure of a cell; None where nothing was forecast or sold."""
    if errors is None:
        return None
    return {"wape": errors.wape, "bias": errors.bias, "coverage": errors.coverage80}[measure]


def shade(value: float | None, measure: str) -> int:
    """0 (good) to 4 (bad)."""
    if value is None:
        return 0
    away = abs(value - PROMISED) if measure == "coverage" else abs(value)
    return sum(away >= step for step in STEPS[measure])
