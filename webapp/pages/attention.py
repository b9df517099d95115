"""Concerns in words: what each is called, what is said of it, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for

from webapp.pages.formats import compact, instant, long_date, month, percent
from webapp.pages.words import first_line, job_kind
from webapp.queries.attention import Attention, Concern

LABELS = {
    "miss": "Forecast missed",
    "anomaly": "Unusual sales",
    "drift": "Model drifts",
    "failed": "Job failed",
    "owed": "Job is late",
    "stale": "Sales are old",
    "source": "Source fails",
}


@dataclass(frozen=True)
class Item:
    """A line of the list; `money` is None where every forecast hangs on it."""

    kind: str
    label: str
    title: str
    detail: str
    url: str
    money: float | None


def items_of(found: Attention) -> list[Item]:
    """The concerns as the overview lists them."""
    return [Item(one.kind, LABELS[one.kind], title(one), detail(one), url(one), one.money) for one in found.concerns]


def title(one: Concern) -> str:
    """What it is about."""
    if one.node is not None:
        return one.node.label
    if one.kind in {"failed", "owed"}:
        return job_kind(one.text)
    return {"drift": "The model in charge", "stale": "Sales"}.get(one.kind, one.text)


def detail(one: Concern) -> str:
    """What happened, in a sentence."""
    if one.found is not None and one.usual is not None:
        than = "expected" if one.kind == "miss" else "usual"
        return (
            f"{month(one.period)}: {compact(one.found)} sold, {compact(one.usual)} {than}{away(one.found, one.usual)}"
        )
    if one.kind == "drift":
        return first_line(one.text)
    if one.kind == "stale":
        return f"The newest sale is of {long_date(one.since)}; forecasts know nothing later."
    begun = instant(one.since) if isinstance(one.since, datetime) else long_date(one.since)
    return f"Since {begun}" if one.kind in {"owed", "source"} else begun


def away(found: float, usual: float) -> str:
    """By how much, as a share: ' (+40%)'."""
    if usual <= 0:
        return ""
    share = (found - usual) / usual
    return f" ({'+' if share > 0 else ''}{percent(share)})"


def url(one: Concern) -> str:
    """The page on which something can be done about it."""
    if one.node is not None:
        names: dict[str, Any] = one.node.params()
        return url_for("series.show", **names)
    if one.kind in {"failed", "owed"}:
        return url_for("jobs.show", job_id=one.ref)
    if one.kind == "source" and one.ref is not None:
        return url_for("sources.show", source_id=one.ref)
    return url_for({"drift": "models.index", "stale": "imports.index"}.get(one.kind, "quality.index"))
