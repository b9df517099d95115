"""The features of global models by what a planner calls them: the one table of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

BASE = "base"
"""The mean of the last season, which all themes start from."""
RECENT, LEVEL, SEASON, WEEKDAY, GROWTH = "recent", "level", "season", "weekday", "growth"
CALENDAR, GAPS, PLACE, AGE, AHEAD = "calendar", "gaps", "place", "age", "ahead"
OWN = "own"
"""Trend and season as models read them that are fitted to each series by itself: they cannot be told apart."""
CORRECTION = "correction"
"""What happened to the forecast after the models: bias correction, reconciliation, closed periods."""
OTHERS = "others"
"""Forecasts of series that were not taken apart."""
PLAN = "plan:"
"""Before the name of a known column: an event, a holiday, a price."""

NAMED = {
    "size": LEVEL,
    "deviation": LEVEL,
    "zeros": GAPS,
    "age": AGE,
    "step": AHEAD,
    **dict.fromkeys(("dayofweek", "day", "month", "dayofyear", "weekofyear"), CALENDAR),
}
PATTERNS = (
    (re.compile(r"last\d+"), RECENT),
    (re.compile(r"std\d+"), LEVEL),
    (re.compile(r"cycle\d+|cycle_mean(_short)?"), WEEKDAY),
    (re.compile(r"mean\d+_of_lag\d+"), SEASON),
    (re.compile(r"year\d+_growth\d+"), GROWTH),
    (re.compile(r"year\d+_(season|over\d+)"), SEASON),
)
LAG, MEAN = re.compile(r"lag(\d+)"), re.compile(r"(?:mean|level)(\d+)")
AROUND = ("_over_usual", "_before", "_after")
"""Endings of features that set a known column beside its own past or neighbours."""
MODELS = {
    "seasonal_naive": SEASON,
    "naive": RECENT,
    "moving_average": RECENT,
    "historic_average": LEVEL,
}
"""What forecasts of models without features rest on; that of all others is OWN."""


def theme_of(feature: str, season_length: int, known: Iterable[str] = ()) -> str:
    """The theme of a feature of `ml.features` by its name; names that are nothing else say where and what is sold.

    `known` are the panel's known columns. A season of seven periods is a week, a longer one a year.
    """
    plan = plan_of(feature, known)
    if plan:
        return PLAN + plan
    if feature in NAMED:
        return NAMED[feature]
    if found := LAG.fullmatch(feature):
        return of_season(season_length) if int(found[1]) >= season_length - 1 else RECENT
    if found := MEAN.fullmatch(feature):
        return RECENT if int(found[1]) <= season_length // 2 else LEVEL
    for pattern, theme in PATTERNS:
        if pattern.fullmatch(feature):
            return of_season(season_length) if theme == SEASON and feature.startswith("mean") else theme
    return PLACE


def theme_of_model(name: str, season_length: int) -> str:
    """The theme of what a model without features moves a forecast away from the series' level."""
    theme = MODELS.get(name, OWN)
    return of_season(season_length) if theme == SEASON else theme


def of_season(season_length: int) -> str:
    """What the same place of earlier seasons is called."""
    return WEEKDAY if season_length == 7 else SEASON


def plan_of(feature: str, known: Iterable[str]) -> str | None:
    """The known column that a feature reads; days to a holiday tell of the holiday."""
    for name in known:
        if feature == name or any(feature == name + ending for ending in AROUND):
            return name.removeprefix("days_to_")
    return None


WORDS = {
    BASE: "average of the last season",
    RECENT: "recent sales",
    LEVEL: "level over a longer time",
    SEASON: "same season in earlier years",
    WEEKDAY: "same weekday in recent weeks",
    GROWTH: "growth since earlier years",
    CALENDAR: "time of the year",
    GAPS: "how often nothing is sold",
    PLACE: "how this place and product usually differ",
    AGE: "age of the series",
    AHEAD: "how far ahead it is",
    OWN: "trend and season of the series by itself",
    CORRECTION: "correction for past errors and totals",
    OTHERS: "smaller series, not taken apart",
    f"{PLAN}holiday": "holidays",
    f"{PLAN}event": "promotions and events",
}


def words_of(theme: str) -> str:
    """A theme as a planner calls it; a known column by its name."""
    return WORDS.get(theme) or theme.removeprefix(PLAN).replace("_", " ")
