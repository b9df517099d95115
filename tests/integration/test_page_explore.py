"""The explorer: nodes of a level as small multiples, searched, narrowed down, sorted; the URL says it all."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from made_profiles import a_profile
from sqlalchemy.orm import Session
from statements import statements
from web_fixtures import ClientFor, Rows

from ml.db.catalog import Product, Series
from ml.db.keys import hash_key
from webapp.models import SavedView, User
from webapp.queries.saved_views import MOST_SHARED

FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def viewer(browser: ClientFor) -> FlaskClient:
    return browser("viewer")


@pytest.fixture
def profiles(session: Session) -> Session:
    """Three regions, the territories of one, and the product of another."""
    pen = Product(key=hash_key("P-1"), code="P-1", name="Fountain pen", category="Office")
    session.add(pen)
    session.flush()
    session.add_all(a_series(region, name) for region, name in (("East", "Shore"), ("West", "Hills"), ("Mid", "")))
    session.add_all(
        [
            a_profile(region="East", last12=500.0, growth=0.5, wape=0.1, bias=-0.3, missed=5.0),
            a_profile(region="West", last12=900.0, growth=-0.4, wape=0.4, bias=0.1, missed=9.0, volume_class="B"),
            a_profile(region="Mid", last12=10.0, growth=None, variability_class="Z", volume_class="C"),
            a_profile(location_level="territory", region="East", territory="Shore"),
            a_profile(location_level="territory", region="West", territory="Hills"),
            a_profile(product_level="product", region="East", category="Office", product_id=pen.id),
        ]
    )
    session.commit()
    return session


def a_series(region: str, territory: str) -> Series:
    """What a search by name looks through."""
    names = {"region": region, "territory": territory}
    return Series(key=hash_key(region), location_level="territory", product_level="total", **names)


def listed(page: str) -> list[str]:
    """The names of the cards, in order."""
    return re.findall(r'<h2><a href="[^"]*">([^<]*)</a>', page)


def test_before_the_first_forecast_it_says_where_to_look(viewer: FlaskClient) -> None:
    assert "Nothing to explore yet" in viewer.get("/explore").text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["West", "East", "Mid"]),
        ("sort=growth", ["East", "West", "Mid"]),
        ("sort=decline", ["West", "East", "Mid"]),
        ("sort=error", ["West", "East", "Mid"]),
        ("sort=bias", ["East", "West", "Mid"]),
        ("sort=nonsense&page=-3", ["West", "East", "Mid"]),
        ("volume=B", ["West"]),
        ("volume=C&variability=Z", ["Mid"]),
        ("q=eas", ["East"]),
        ("region=East&place=territory", ["Shore"]),
        ("place=territory", ["Hills", "Shore"]),
        ("q=FOUNTAIN&of=product", ["East · Fountain pen"]),
        ("q=p-1&of=product", ["East · Fountain pen"]),
        ("region=Nowhere", []),
        ("q=nowhere", []),
        ("q=h&place=territory", ["Hills", "Shore"]),
        ("q=e&sort=growth", ["East", "West"]),
    ],
)
def test_the_url_says_what_is_listed(profiles: Session, viewer: FlaskClient, query: str, names: list[str]) -> None:
    assert listed(viewer.get(f"/explore?{query}").text) == names


def test_htmx_gets_the_list_alone(profiles: Session, viewer: FlaskClient) -> None:
    answer = viewer.get("/explore?q=west", headers=FRAGMENT)
    assert listed(answer.text) == ["West"]
    assert 'role="search"' not in answer.text
    assert 'role="status"' in answer.text


def test_cards_lead_down_and_breadcrumbs_up(profiles: Session, viewer: FlaskClient) -> None:
    top = viewer.get("/explore").text
    assert 'href="/explore?region=East&amp;place=territory&amp;of=total"' in top
    below = viewer.get("/explore?region=East&place=territory").text
    assert 'aria-label="Place"' in below
    assert '<a href="/explore">All places</a>' in below
    assert 'name="region" value="East"' in below  # kept by the form


def test_what_fits_no_series_says_how_to_go_on(profiles: Session, viewer: FlaskClient) -> None:
    page = viewer.get("/explore?q=zebra").text
    assert "No series is like that" in page
    assert 'href="/explore">Show all' in page


def test_pages_keep_the_filters_and_cost_the_same(app: Flask, profiles: Session, viewer: FlaskClient) -> None:
    viewer.get("/explore?q=r")
    with statements(app) as few:
        viewer.get("/explore?q=r")
    profiles.add_all(a_profile(region=f"R{number}", last12=1.0 * number) for number in range(60))
    profiles.add_all(a_series(f"R{number}", "") for number in range(60))
    profiles.commit()
    with statements(app) as many:
        page = viewer.get("/explore?sort=growth&q=r").text
    assert len(listed(page)) == 24
    assert "page=2&amp;place=region&amp;of=total&amp;q=r&amp;sort=growth" in page
    assert len(few) == len(many) - 1 <= 12  # once, the new names are read
    second = listed(viewer.get("/explore?sort=growth&q=r&page=2").text)
    assert len(second) == 24
    assert not set(second) & set(listed(page))


SAVED = {"name": "Big ones", "filter-volume": "A", "filter-region": "East", "filter-page": "7"}


def test_a_view_is_saved_found_again_and_deleted(profiles: Session, viewer: FlaskClient, rows: Rows) -> None:
    answer = viewer.post("/explore/views", data=SAVED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/explore?region=East&volume=A")
    assert 'href="/explore?region=East&amp;volume=A">Big ones</a>' in viewer.get("/explore").text
    viewer.post("/explore/views", data={**SAVED, "filter-volume": "B"})
    assert rows.last(SavedView).filters == {"region": "East", "volume": "B"}  # of the same name: replaced
    assert rows.count(SavedView) == 1
    assert viewer.post(f"/explore/views/{rows.last(SavedView).id}/delete").status_code == 303
    assert rows.count(SavedView) == 0


def test_views_are_ones_own_until_they_are_shared(
    profiles: Session, viewer: FlaskClient, browser: ClientFor, rows: Rows
) -> None:
    planner = browser("planner")
    viewer.post("/explore/views", data=SAVED)
    assert "Big ones" not in planner.get("/explore").text
    viewer.post("/explore/views", data={**SAVED, "shared": "1"})
    assert "Big ones" in planner.get("/explore").text
    assert planner.post(f"/explore/views/{rows.last(SavedView).id}/delete").status_code == 404


def test_ones_own_views_stay_however_many_others_share(
    profiles: Session, viewer: FlaskClient, browser: ClientFor, rows: Rows
) -> None:
    viewer.post("/explore/views", data={**SAVED, "name": "Zebra"})
    browser("planner")
    planner = next(user for user in range(1, 9) if rows.get(User, user).email == "planner@example.com")
    shared = {"user_id": planner, "page": "explore", "shared": True}
    west = [SavedView(name=f"A {at:02}", filters={"region": "West"}, **shared) for at in range(MOST_SHARED)]
    rows.add(*west, SavedView(name="East", filters={"region": "East"}, **shared))
    assert "Zebra</a>" in viewer.get("/explore").text
    me = next(user for user in range(1, 9) if rows.get(User, user).email == "viewer@example.com")
    rows.change(User, me, scope={"regions": ["East"], "territories": []})
    page = viewer.get("/explore").text
    assert "Zebra</a>" in page
    assert ">East</a>" in page, "others' views that they may not see take no room"


def test_limited_people_see_shared_views_of_their_places(
    profiles: Session, viewer: FlaskClient, browser: ClientFor, rows: Rows
) -> None:
    for name, region in (("Of the east", "East"), ("Of the west", "West"), ("Of all", "")):
        viewer.post("/explore/views", data={"name": name, "shared": "1", "filter-region": region})
    planner = browser("planner")
    account = next(user for user in range(1, 9) if rows.get(User, user).email == "planner@example.com")
    rows.change(User, account, scope={"regions": ["West"], "territories": []})
    page = planner.get("/explore").text
    assert listed(page) == ["West"]
    assert ("Of the west" in page, "Of all" in page, "Of the east" in page) == (True, True, False)


def test_a_view_needs_a_name(viewer: FlaskClient, rows: Rows) -> None:
    assert viewer.post("/explore/views", data={**SAVED, "name": "  "}).status_code >= 400
    assert rows.count(SavedView) == 0
