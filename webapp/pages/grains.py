"""The grain that a page shows: `?grain=` in its URL, kept by the links on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import request

from ml.errors import NotFoundError
from ml.grains import DAILY, GRAINS, MONTHLY, WEEKLY, Grain
from webapp.extensions import settings
from webapp.queries.forecasts import Outlook

TITLES = {MONTHLY.name: "Months", WEEKLY.name: "Weeks", DAILY.name: "Days"}
SHOWN = {WEEKLY.name: 156, DAILY.name: 182}
"""Periods of the past that a page shows, the last ones; more of them are a blur."""


PASTS = {MONTHLY.name: (12, 24), WEEKLY.name: (26, 52), DAILY.name: (28, 91)}
"""Shorter pasts to choose from."""


@dataclass(frozen=True)
class Choice:
    """A grain to switch to; `args` name it in a URL, and are empty for the one that pages show by themselves."""

    grain: Grain
    title: str
    args: dict[str, str]
    chosen: bool


def asked_grain() -> Grain:
    """The grain that the URL names; raises NotFoundError for one that is not forecast."""
    known = forecast_grains()
    name = request.values.get("grain", known[0].name)
    if name not in [grain.name for grain in known]:
        raise NotFoundError(
            f"there are no {name!r} forecasts; expected one of {', '.join(grain.name for grain in known)}."
        )
    return GRAINS[name]


def forecast_grains() -> list[Grain]:
    """Those that the settings say are forecast."""
    return [GRAINS[name] for name in settings().engine.grains]


def grain_words(grain: Grain) -> dict[str, Any]:
    """What templates need to speak of a grain and to link to it."""
    known = forecast_grains()
    choices = [
        Choice(one, TITLES[one.name], {} if one is known[0] else {"grain": one.name}, one is grain) for one in known
    ]
    kept = next((choice.args for choice in choices if choice.chosen), {})
    return {"grain": grain, "grains": choices, "kept": kept}


def asked_past(grain: Grain) -> int | None:
    """How many periods of the past the URL asks for (`past`); None for as many as a page shows by itself."""
    asked = request.args.get("past", type=int)
    return asked if asked in PASTS[grain.name] else None


def recent(view: Outlook, past: int | None = None) -> tuple[Outlook, int]:
    """The outlook with as much of the past as a page shows, or `past` periods; and how many periods that leaves out."""
    most = past or SHOWN.get(view.grain.name, len(view.history))
    return replace(view, history=view.history[-most:] if most else []), max(len(view.history) - most, 0)
