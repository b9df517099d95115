"""The explorer: the nodes of a level as small multiples, searched, narrowed down and sorted; all of it in the URL."""

from __future__ import annotations

from collections.abc import Container, Iterable

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from ml.hierarchy import LOCATION_LEVELS, PRODUCT_LEVELS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.plots import two_lines
from webapp.pages.render import render
from webapp.pages.trails import trails_of
from webapp.pages.words import dimension_name
from webapp.queries.nodes import FIELDS, Node
from webapp.queries.profiles import MOST_COUNTED, Level, ProfileFilter, known_levels, level_within, list_profiles
from webapp.queries.saved_views import list_views
from webapp.services import saved_views as service

PAGE = "explore"
FILTERS = (*FIELDS, "place", "of", "q", "volume", "variability", "sort")
"""What the query string may say, and a saved view keeps."""
EACH_PAGE = 24
MOST_PAGES = MOST_COUNTED // EACH_PAGE
SORTS = {
    "volume": "Volume",
    "growth": "Growth",
    "decline": "Decline",
    "error": "Error in %",
    "missed": "Error in money",
    "bias": "Bias",
}
VOLUMES = {"A": "A: the largest, 80% of sales", "B": "B: the next 15%", "C": "C: the last 5%"}
VARIABILITIES = {"X": "X: steady", "Y": "Y: variable", "Z": "Z: erratic"}

blueprint = Blueprint("explore", __name__)


@blueprint.get("/explore")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """The nodes that the query string names, and the ways from there; htmx gets the list alone."""
    session, node = db.session(), Node.of(request.args)
    known = known_levels(session)
    asked = one_of("place", LOCATION_LEVELS, "region"), one_of("of", PRODUCT_LEVELS, "total")
    wanted = ProfileFilter(
        node,
        level_within(node, asked, known),
        request.args.get("q", "").strip(),
        one_of("volume", VOLUMES, ""),
        one_of("variability", VARIABILITIES, ""),
    )
    sort, number = one_of("sort", SORTS, "volume"), page_number()
    return render(
        "explore/index.html",
        block="list",
        page=list_profiles(session, wanted, sort, EACH_PAGE, (number - 1) * EACH_PAGE),
        wanted=wanted,
        filters=filters_of(wanted, sort),
        number=number,
        first=(number - 1) * EACH_PAGE + 1,
        sort=sort,
        sorts=SORTS,
        volumes=VOLUMES,
        variabilities=VARIABILITIES,
        places=choices((place for place, _ in known), LOCATION_LEVELS, "All places"),
        products=choices((product for _, product in known), PRODUCT_LEVELS, "All products"),
        finer=finer_levels(wanted.level, known),
        trails=trails_of(node),
        two_lines=two_lines,
        views=list_views(session, signed_in_user().id, PAGE),
    )


@blueprint.post("/explore/views")
@requires(SALES_READ)
def save_view() -> ResponseReturnValue:
    """Keep the filters that the form holds under a name."""
    said = {name: request.form.get(f"filter-{name}", "") for name in FILTERS}
    filters = {name: value for name, value in said.items() if value}
    name, shared = request.form.get("name", ""), "shared" in request.form
    service.save_view(db.session(), signed_in_user().id, PAGE, name, filters, shared=shared)
    return see_other(url_for("explore.index", **filters))  # type: ignore[arg-type]  # they are names of the query


@blueprint.post("/explore/views/<id:view_id>/delete")
@requires(SALES_READ)
def delete_view(view_id: int) -> ResponseReturnValue:
    """Forget a view of one's own."""
    service.delete_view(db.session(), signed_in_user().id, view_id)
    return see_other(url_for("explore.index"))


def one_of(name: str, among: Container[str], default: str) -> str:
    """What the query string says of `name`, where it is one of the choices."""
    asked = request.args.get(name, "")
    return asked if asked in among else default


def choices(found: Iterable[str], levels: tuple[str, ...], whole: str) -> list[tuple[str, str]]:
    """Levels to choose from, coarse to fine, as people call them."""
    names = {level: whole if level == "total" else f"By {dimension_name(level)}" for level in levels}
    return [(level, names[level]) for level in sorted(set(found), key=levels.index)]


def page_number() -> int:
    """The page that the query string names; the first where it names none that there could be."""
    asked = request.args.get("page", 1, type=int)
    return asked if 1 <= asked <= MOST_PAGES else 1


def filters_of(wanted: ProfileFilter, sort: str) -> dict[str, str]:
    """The query string that says the same."""
    said = {
        **wanted.node.params(),
        "place": wanted.level[0],
        "of": wanted.level[1],
        "q": wanted.q,
        "volume": wanted.volume,
        "variability": wanted.variability,
        "sort": "" if sort == "volume" else sort,
    }
    return {name: value for name, value in said.items() if value}


def finer_levels(level: Level, known: list[Level]) -> list[tuple[str, Level]]:
    """The levels one step down in places, and one in products: what each is called, and what it is."""
    place = next((one for one in known if one[1] == level[1] and is_after(one[0], level[0], LOCATION_LEVELS)), None)
    product = next((one for one in known if one[0] == level[0] and is_after(one[1], level[1], PRODUCT_LEVELS)), None)
    named = (place and (place[0], place), product and (product[1], product))
    return [found for found in named if found]


def is_after(one: str, other: str, levels: tuple[str, ...]) -> bool:
    """Whether a level is finer than another."""
    return levels.index(one) > levels.index(other)
