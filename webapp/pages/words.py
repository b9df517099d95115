"""Names that people read for the names that the engine uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ml.db.base import utc_now
from ml.explain.themes import words_of
from ml.grains import GRAINS
from webapp.pages.formats import full, percent, period, sentence
from webapp.queries.explore import name_above
from webapp.queries.jobs import JobView
from webapp.queries.nodes import Node
from webapp.queries.overrides import ValueView

MODEL_NAMES = {
    "auto": "all that race by default",
    "seasonal_naive": "seasonal naive",
    "lightgbm": "LightGBM",
    "direct_log": "direct LightGBM",
    "direct_tweedie": "direct LightGBM (Tweedie)",
    "auto_ets": "AutoETS",
    "auto_arima": "AutoARIMA",
    "ces": "CES",
    "xgboost": "XGBoost",
    "croston_sba": "Croston-SBA",
    "tsb": "TSB",
    "adida": "ADIDA",
}
MODEL_NOTES = {
    "seasonal_naive": "the season before repeated",
    "naive": "the last period repeated",
    "lightgbm": "one model over all series",
    "combination": "several models, weighted by how they did",
}
JOB_KINDS = {
    "ingest": "Import",
    "pull": "Fetch",
    "take_back": "Take back",
    "refresh": "Update totals",
    "clean": "Clean",
    "train": "Train models",
    "forecast": "Make forecasts",
    "forecast_part": "Help with forecasts",
    "extend": "Forecast further ahead",
    "drift": "Check forecasts",
    "collect": "Predict payments and orders",
    "scenario": "What-if",
    "deliver": "Tell a webhook",
    "prune_records": "Tidy up",
    "prune_history": "Delete old forecasts",
    "digest": "Daily digest",
    "restock": "Plan the stock",
    "mail_stock": "Mail the stock report",
    "simulate_stock": "Simulate the stock",
}
STATE_NAMES = {"undone": "Taken back"}
REASON_NAMES = {
    "promotion": "Promotion",
    "price": "Price",
    "customer": "A customer won or lost",
    "supply": "Supply",
    "market": "Market",
    "event": "Event",
    "correction": "Correction of the model",
    "other": "Something else",
}
OVERRIDE_ACTIONS = {
    "create": "made it",
    "approve": "approved it",
    "refuse": "refused it",
    "withdraw": "took it back",
}
DIMENSIONS = {"subcategory": "sub-category"}


def short_model_name(name: str) -> str:
    """A model type as people write it."""
    return sentence(MODEL_NAMES.get(name, name.replace("_", " ")))


def theme_name(name: str) -> str:
    """What a forecast rests on, as people write it."""
    return sentence(words_of(name))


def model_name(name: str) -> str:
    """A model type, with what it is."""
    note = MODEL_NOTES.get(name)
    return f"{short_model_name(name)} ({note})" if note else short_model_name(name)


def readable(text: str) -> str:
    """A sentence of the engine with the models' names as people write them."""
    names = "|".join(MODEL_NAMES)
    return sentence(re.sub(rf"\b({names})\b", lambda found: MODEL_NAMES[found[0]], text))


def skill(model: Mapping[str, Any]) -> str:
    """How good the model that serves is, beside the naive forecast, measured on months that it had not seen."""
    wape, floor = model["wape"], model["floor_wape"]
    if wape is None:
        return "Too little history to measure its errors."
    errors = f"errors of {percent(wape)} of sales per series and month"
    total = model["total_wape"]
    whole = "" if total is None else f" All sales together: {percent(total)} a month."
    if model["type"] == "seasonal_naive" or not floor:
        return f"{errors.capitalize()}; no other model did better.{whole}"
    return f"{percent(1 - wape / floor)} closer than repeating last year ({errors}, against {percent(floor)}).{whole}"


def served_model(label: str) -> str:
    """The model behind an outlook, `lightgbm (sales-monthly/3)`, with its name as people write it."""
    name, space, version = label.partition(" ")
    return f"{short_model_name(name)}{space}{version}"


def job_kind(kind: str) -> str:
    """What a job does, in words."""
    return JOB_KINDS.get(kind, kind.replace("_", " ").capitalize())


def schedule_name(schedule_id: str) -> str:
    """A schedule, in words; those of sources are named by the source's id."""
    return schedule_id.replace("-", " ").replace(":", " ").capitalize()


def state_name(state: str) -> str:
    """The state of an import or a job, in words."""
    return STATE_NAMES.get(state, state.capitalize())


def dimension_name(dimension: str) -> str:
    """A level of the hierarchy, in words."""
    return DIMENSIONS.get(dimension, dimension)


def kind(node: Node) -> str:
    """The finest levels that a node names: area, product, area and product."""
    levels = [dimension_name(level) for level in (node.location_level, node.product_level) if level != "total"]
    return " and ".join(levels) or "total"


def within(node: Node) -> str:
    """The place around the place that a node names, since places of one name are common."""
    level = node.location_level
    return "" if level == "total" else name_above(node, level)


def took(job: JobView) -> float | None:
    """Seconds that a job has run; None before its start."""
    if job.started_at is None:
        return None
    return ((job.finished_at or utc_now()) - job.started_at).total_seconds()


def first_line(text: str | None) -> str:
    """What fits into a table of a longer message."""
    line = (text or "").strip().partition("\n")[0]
    return line if len(line) <= 160 else line[:159] + "…"


def parse_instant(text: str | None) -> datetime | None:
    """An instant from its ISO form."""
    return datetime.fromisoformat(text) if text else None


def plain_facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The values of a job's result that fit on a line, with readable names."""
    return [
        (name.replace("_", " ").capitalize(), fact(name, value)) for name, value in result.items() if is_plain(value)
    ]


def reason_name(reason: str) -> str:
    """Why a forecast was changed, in words."""
    return REASON_NAMES.get(reason, reason)


def override_action(action: str) -> str:
    """What somebody did with an override, in words."""
    return OVERRIDE_ACTIONS.get(action, action)


def override_periods(values: Sequence[ValueView], grain: str) -> str:
    """The first and the last period of an override: Jan 2024 to Mar 2024."""
    first, last = (period(values[at].period, GRAINS[grain]) for at in (0, -1))
    return first if first == last else f"{first} to {last}"


def is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and value != ""


def fact(name: str, value: object) -> str:
    """One value in words; numbers that are names (ids, versions) keep their digits together."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and not (name.endswith("id") or name == "version"):
        return full(value)
    return readable(str(value))


FILTERS = (
    reason_name,
    override_action,
    override_periods,
    short_model_name,
    model_name,
    served_model,
    readable,
    skill,
    job_kind,
    schedule_name,
    state_name,
    dimension_name,
    theme_name,
    kind,
    within,
    took,
    first_line,
    parse_instant,
    plain_facts,
)
