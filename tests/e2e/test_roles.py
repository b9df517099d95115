"""What people of each role do in a browser, with JavaScript and without: load, search, override, try jobs again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from e2e_filled import LIMITED, STILL, as_if_loaded, serving
from e2e_steps import HEADER, PASSWORD, made_up_sales, upload
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy.orm import Session, sessionmaker

SignIn = Callable[[str], Page]


@pytest.fixture(scope="module")
def address(filled: tuple[Flask, sessionmaker[Session]]) -> Iterator[str]:
    app, sessions = filled
    with serving(app) as url:
        yield url
    with sessions() as session:
        as_if_loaded(session)  # other tests look at the newest import


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def signed_in(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[SignIn]:
    """Opens a page on which a person has signed in."""
    contexts: list[BrowserContext] = []

    def open_page(name: str) -> Page:
        viewport = {"width": 1440, "height": 900}
        contexts.append(
            browser.new_context(base_url=address, viewport=viewport, java_script_enabled=request.param, **STILL)
        )
        page = contexts[-1].new_page()
        page.goto("/login")
        page.get_by_label("E-mail").fill(f"{name}@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Total sales and forecast")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()


def find(page: Page, text: str) -> None:
    """Search as somebody who types and presses Enter."""
    page.goto("/")
    page.get_by_label("Find a place or product").fill(text)
    page.get_by_label("Find a place or product").press("Enter")
    page.wait_for_url(re.compile(r"/series/search\?q="))


def override(page: Page, percent: str) -> None:
    """Change the forecast of the series that is shown."""
    page.get_by_role("link", name="Change the forecast").click()
    page.get_by_label("For every month left empty").fill(percent)
    page.get_by_label("Reason").select_option("promotion")
    page.get_by_role("button", name="Change the forecast").click()
    page.wait_for_url("**/overrides/*")


def test_a_viewer_looks_and_is_offered_nothing_to_change(signed_in: SignIn) -> None:
    page = signed_in("viewer")
    find(page, "Ayton")
    page.get_by_role("main").get_by_role("link", name="Ayton").first.click()
    expect(page.get_by_role("region", name="Forecast by month").locator("tbody tr")).not_to_have_count(0)
    expect(page.get_by_role("link", name="Change the forecast")).to_have_count(0)
    page.goto("/imports")
    expect(page.get_by_label("Choose a file")).to_have_count(0)
    page.goto("/jobs?state=failed")
    expect(page.get_by_role("button", name="Try the chosen ones again")).to_have_count(0)
    for path in ("/overrides/new?region=North", "/admin/users"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403


def test_a_planner_loads_a_file_and_changes_a_forecast(signed_in: SignIn, tmp_path: Path) -> None:
    page = signed_in("planner")
    file = tmp_path / "more.csv"
    file.write_text(HEADER + "".join(made_up_sales(date(2025, 5, 1), 1)))
    upload(page, file)
    page.get_by_role("button", name="Load these sales").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("more.csv")

    find(page, "Derwent")
    page.get_by_role("main").get_by_role("link", name="Derwent").first.click()
    override(page, "7")
    expect(page.get_by_role("main")).to_contain_text("Derwent")
    page.goto("/overrides")
    expect(page.get_by_role("cell", name="planner@example.com").first).to_be_visible()


def test_an_operator_tries_failed_jobs_again(signed_in: SignIn) -> None:
    page = signed_in("operator")
    page.goto("/jobs?state=failed")
    page.get_by_role("button", name="Try the chosen ones again").click()
    expect(page.get_by_text("asked for again")).to_be_visible()
    page.goto("/jobs?state=cancelled")
    page.get_by_role("main").locator("table").get_by_role("link").first.click()
    page.get_by_role("button", name="Try it again").click()
    expect(page.get_by_role("main")).to_contain_text("Queued")


def test_a_limited_planner_sees_and_changes_the_own_region_alone(signed_in: SignIn) -> None:
    page = signed_in("limited")
    assert LIMITED == {"regions": ["North"], "territories": []}
    find(page, "Derwent")
    expect(page.get_by_role("main").get_by_role("link", name="Derwent")).to_have_count(0)
    for path in ("/series?region=South", "/overrides/new?region=South"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404
    page.goto("/series?region=North")
    override(page, "-3")
    expect(page.get_by_role("main")).to_contain_text("North")
    page.goto("/explore")
    expect(page.get_by_text("South")).to_have_count(0)
