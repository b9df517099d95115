"""What holds for every page: who may see it, no inline code, fragments of the same URL, cached static files."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from web_fixtures import ClientFor

PAGES = (
    "/", "/series", "/series/search", "/imports", "/sources", "/quality", "/quality/flags", "/quality/cleaning",
    "/products", "/customers", "/jobs", "/models",
    "/stock", "/stock/suppliers", "/stock/excess", "/stock/rules", "/stock/reports",
)  # fmt: skip
INLINE = re.compile(
    r"<[a-z][^>]*\s(style|on[a-z]+)=|<style|<script(?![^>]*(src=|type=\"application/json\"))", re.IGNORECASE
)
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_a_sign_in(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_there_before_the_first_import(browser: ClientFor, path: str) -> None:
    answer = browser("viewer").get(path)
    assert answer.status_code == 200
    assert not INLINE.search(answer.text), INLINE.search(answer.text)
    assert answer.text.count("<h1>") == 1
    assert "HX-Request-Type" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/jobs", "/series/search?q=west"])
def test_the_same_url_serves_the_fragment(browser: ClientFor, path: str) -> None:
    answer = browser("viewer").get(path, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "<html" not in answer.text


def test_an_unknown_page_says_so_and_leads_on(browser: ClientFor) -> None:
    answer = browser("viewer").get("/nowhere")
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


def test_static_files_are_kept_for_good_under_the_hash_of_their_content(browser: ClientFor) -> None:
    viewer = browser("viewer")
    address = re.search(r'href="(/static/css/base\.css\?v=[0-9a-f]{10})"', viewer.get("/models").text)
    assert address is not None
    with viewer.get(address[1]) as hashed, viewer.get("/static/css/base.css") as plain:
        assert "immutable" in hashed.headers["Cache-Control"]
        assert "immutable" not in plain.headers.get("Cache-Control", "")


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 30])
def test_a_number_that_can_be_no_id_is_not_found(browser: ClientFor, number: str) -> None:
    for path in (f"/jobs/{number}", f"/imports/{number}", f"/imports/{number}/rejected.csv"):
        assert browser("viewer").get(path).status_code == 404


@pytest.mark.parametrize("path", ["/jobs", "/imports", "/models"])
def test_a_list_that_goes_on_below_no_id_begins_anew(browser: ClientFor, path: str) -> None:
    assert browser("viewer").get(f"{path}?below={2**63}").status_code == 200


@pytest.mark.parametrize("path", ["/series?region=%00", "/series/search?q=a%00", "/jobs?state=%00", "/series?%00=1"])
def test_nul_in_an_address_is_refused_before_any_database_sees_it(browser: ClientFor, path: str) -> None:
    answer = browser("viewer").get(path)
    assert answer.status_code == 422
    assert "Invalid request" in answer.text


@pytest.mark.parametrize("path", ["/imports", "/models/train", "/imports/1"])
def test_a_viewer_may_change_nothing(browser: ClientFor, path: str) -> None:
    assert browser("viewer").post(path).status_code == 403


def test_a_write_without_the_token_of_the_form_is_refused(browser: ClientFor) -> None:
    planner = browser("planner")
    del planner.environ_base["HTTP_X_CSRF_TOKEN"]
    assert planner.post("/models/train").status_code == 403
