"""The main paths by keyboard alone: nothing here clicks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

FARTHEST = 150
"""Presses of Tab until a control must have been reached."""

CONTROLS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex >= 0 && one.type !== "radio")"""


def tab_to(page: Page, control: Locator) -> None:
    """Move the focus to a control, which must then show that it has it."""
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        if control.evaluate("element => element === document.activeElement"):
            outline = control.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{control} does not show that it has the focus"
            return
    raise AssertionError(f"{control} is not reached by {FARTHEST} presses of Tab")


def test_search_leads_to_a_series(page: Page) -> None:
    page.goto("/")
    tab_to(page, page.get_by_label("Find a place or product"))
    page.keyboard.type("ayt", delay=20)
    found = page.locator("#search-results").get_by_role("link").first
    expect(found).to_be_visible()
    tab_to(page, found)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ayton")


def test_the_menu_opens_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/models")
    menu = page.locator("summary", has_text="Account and theme")
    tab_to(page, menu)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_failed_job_is_tried_again(page: Page) -> None:
    page.goto("/jobs?state=failed")
    chosen = page.get_by_role("checkbox").first
    tab_to(page, chosen)
    page.keyboard.press("Space")
    expect(chosen).not_to_be_checked()
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Try the chosen ones again"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs?retried=1")


def test_a_token_is_revoked_after_a_question(page: Page) -> None:
    page.goto("/admin/tokens")
    tab_to(page, page.locator("summary", has_text="Revoke"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Revoke it"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Revoked")).to_be_visible()


def test_a_forecast_is_changed(page: Page) -> None:
    page.goto("/overrides/new?region=South")
    tab_to(page, page.get_by_label("For every month left empty"))
    page.keyboard.type("5")
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.type("Promotion")
    page.keyboard.press("Enter")
    if page.get_by_role("button", name="Change the forecast").is_visible():
        tab_to(page, page.get_by_role("button", name="Change the forecast"))
        page.keyboard.press("Enter")
    page.wait_for_url("**/overrides/*")
    expect(page.get_by_text("Promotion").first).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/explore", "/series", "/accuracy", "/anomalies", "/imports", "/models"])
def test_every_control_is_on_the_way(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    wanted = page.evaluate_handle(CONTROLS)
    reached = page.evaluate_handle("() => (document.activeElement.blur(), new Set())")
    for _ in range(wanted.get_property("length").json_value() + 5):
        page.keyboard.press("Tab")
        page.evaluate("reached => reached.add(document.activeElement)", reached)
    missed = "([wanted, reached]) => wanted.filter(one => !reached.has(one)).map(one => one.outerHTML.slice(0, 120))"
    assert page.evaluate(missed, [wanted, reached]) == []
