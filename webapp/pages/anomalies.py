"""Anomalies to answer: ranked by money, each with the sales around it; answered one by one or many at once."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.insights import ANOMALY_KINDS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import db
from webapp.htmx import is_htmx, see_other
from webapp.pages.grains import asked_grain, grain_words
from webapp.pages.ids import LARGEST_ID
from webapp.pages.plots import marked_line
from webapp.pages.render import render, render_block
from webapp.queries.anomalies import LEVELS, AnomalyFilter, ranked_anomalies
from webapp.services import anomalies as service

EACH_PAGE = 25
MOST_PAGES = 1_000
MOST_AT_ONCE = 100
STATES = {"open": "To answer", "answered": "Answered", "all": "All"}
KINDS = {"spike": "More sold", "drop": "Less sold"}
LEVEL_NAMES = {"base": "Single series", "above": "Their sums", "all": "Both"}
RECENT = (3, 12, 52)
ANSWERS = {
    "accepted": "Accept",
    "dismissed": "Dismiss",
    "promotion": "Promotion",
    "stockout": "Stockout",
    "error": "Data error",
}
MEANINGS = {
    "accepted": "It happened, and will not come again: what is usual is learned from instead.",
    "dismissed": "It is part of the business: learned from as it was sold.",
    "promotion": "A promotion did it: learned from as sold, and entered into the calendar of events.",
    "stockout": "There was nothing left to sell: what is usual is taken for the demand, in learning and in scoring.",
    "error": "The figure is wrong: the period is left out of learning and of scoring.",
}

blueprint = Blueprint("anomalies", __name__)


@blueprint.get("/anomalies")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """The anomalies that the query string asks for; htmx gets the list alone."""
    done = ids_of(request.args.get("done", "").split("-"))
    refused = request.args.get("refused", 0, type=int)
    return render("anomalies/index.html", block="list", **context(done, refused, one_of("as", ANSWERS, "")))


@blueprint.post("/anomalies/answer")
@requires(FORECASTS_MAKE, scoped=True)
def answer() -> ResponseReturnValue:
    """Give the chosen anomalies an answer, or take theirs back; then the list as it is without them."""
    verdict, ids = asked_answer()
    found = service.answer_anomalies(db.session(), ids, verdict, signed_in_user().email)
    done = [] if verdict == "open" else found.ids
    if is_htmx():
        return render_block("anomalies/index.html", "list", **context(done, len(found.refused), verdict))
    said = {"done": "-".join(map(str, done)), "as": verdict} if done else {}
    kept: dict[str, Any] = {**filters_of(asked_filter()), **said, "refused": len(found.refused) or None}
    return see_other(url_for("anomalies.index", **kept))


def asked_answer() -> tuple[str, list[int]]:
    """The verdict that a button says, and the anomalies: its own (`one`: 12:accepted), or those that were ticked."""
    number, _, verdict = request.form.get("one", "").partition(":")
    texts = [number] if verdict else request.form.getlist("id")
    return verdict or request.form.get("verdict", ""), ids_of(texts)


def ids_of(texts: Sequence[str]) -> list[int]:
    """The ids that texts write; what is none is left out."""
    ids = [int(text) for text in texts[:MOST_AT_ONCE] if text.isdecimal()]
    return [number for number in ids if 0 < number <= LARGEST_ID]


def context(done: list[int], refused: int, verdict: str) -> dict[str, Any]:
    """What the list shows; `done` were answered just now, `refused` could not be."""
    wanted, number, grain = asked_filter(), page_number(), asked_grain()
    words = grain_words(grain)
    start = (number - 1) * EACH_PAGE
    return {
        "page": ranked_anomalies(db.session(), wanted, EACH_PAGE, start),
        "wanted": wanted,
        "filters": filters_of(wanted),
        "number": number,
        "first": start + 1,
        "done": done,
        "refused": refused,
        "answered": verdict,
        "states": STATES,
        "kinds": KINDS,
        "levels": LEVEL_NAMES,
        "recents": {f"{each}": f"Last {each} {grain.unit}" for each in RECENT},
        "answers": ANSWERS,
        "meanings": MEANINGS,
        "marked_line": marked_line,
        **words,
    }


def asked_filter() -> AnomalyFilter:
    """What the query string, or the form that answers, asks to see."""
    recent = one_of("recent", {f"{each}" for each in RECENT}, "0")
    return AnomalyFilter(
        asked_grain().name,
        one_of("state", STATES, "open"),
        one_of("kind", ANOMALY_KINDS, ""),
        one_of("level", (*LEVELS, "all"), "base"),
        request.values.get("q", "").strip()[:120],
        int(recent),
    )


def filters_of(wanted: AnomalyFilter) -> dict[str, str]:
    """The query string that says the same."""
    said = {
        **grain_words(asked_grain())["kept"],
        "state": "" if wanted.verdict == "open" else wanted.verdict,
        "kind": wanted.kind,
        "level": "" if wanted.level == "base" else wanted.level,
        "recent": f"{wanted.recent}" if wanted.recent else "",
        "q": wanted.q,
    }
    return {name: value for name, value in said.items() if value}


def one_of(name: str, among: Container[str], default: str) -> str:
    """What the request says of `name`, where it is one of the choices."""
    asked = request.values.get(name, "")
    return asked if asked in among else default


def page_number() -> int:
    """The page that the query string names; the first where it names none that there could be."""
    asked = request.values.get("page", 1, type=int)
    return asked if 1 <= asked <= MOST_PAGES else 1
