"""The way a planner goes: sign in, load a file, watch, see the forecast."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from e2e_steps import HEADER, UNTIL_FORECAST, Complaints, NewPage, System, made_up_sales, sign_in, upload
from playwright.sync_api import Page, expect

from ml.settings import ROOT

pytestmark = pytest.mark.timeout(300)

SUPERSTORE = ROOT.parent / "shared" / "data" / "superstore.csv"


@pytest.fixture
def sales_file(tmp_path: Path) -> Path:
    """Real sales where they are at hand, else made-up ones."""
    if SUPERSTORE.exists():
        return SUPERSTORE
    path = tmp_path / "sales.csv"
    path.write_text(HEADER + "".join(made_up_sales(date(2021, 1, 1), 36)))
    return path


@pytest.fixture
def with_sales(new_page: NewPage, sales_file: Path) -> None:
    """Sales are loaded and forecast, by this test or by one before."""
    page = new_page()
    sign_in(page)
    if page.get_by_text("No sales yet").is_visible():
        upload(page, sales_file)
        page.get_by_role("button", name="Load these sales").click()
        expect(page.get_by_text("The forecast is ready.")).to_be_visible(timeout=UNTIL_FORECAST)


def test_from_a_file_to_its_forecast(planner_page: Page, sales_file: Path, complaints: Complaints) -> None:
    page = planner_page
    expect(page.get_by_text("No sales yet")).to_be_visible()
    page.get_by_role("link", name="Import your first sales file").click()
    upload(page, sales_file)

    date_column = page.get_by_label("Date", exact=True)
    expect(date_column).to_have_value("Order Date")
    date_column.select_option("")
    expect(page.get_by_text("No column is chosen for Date.")).to_be_visible()
    date_column.select_option("Order Date")
    expect(page.get_by_text("No column is chosen for Date.")).to_be_hidden()

    page.get_by_role("button", name="Load these sales").click()
    expect(page.locator("[data-live]")).to_be_visible()
    expect(page.get_by_text("The forecast is ready.")).to_be_visible(timeout=UNTIL_FORECAST)
    expect(page.locator("[data-live]")).to_have_count(0)
    expect(page.locator(".journey li")).to_have_count(3)

    page.get_by_role("link", name="See the forecast").click()
    expect(page.get_by_role("heading", name="Total sales and forecast")).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()
    assert drawn_colours(page) > 3
    page.locator(".chart").hover()
    expect(page.locator(".tip")).to_contain_text("Sales")
    expect(page.locator("table.data").first.locator("tbody tr").first).to_be_visible()
    assert complaints.messages == []


def drawn_colours(page: Page) -> int:
    """How many colours the chart's canvas holds; an empty one holds one."""
    return int(
        page.evaluate(
            """() => {
                const canvas = document.querySelector(".chart canvas");
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return new Set(new Uint32Array(pixels.buffer)).size;
            }"""
        )
    )


def test_drill_down_shows_chart_table_and_download(
    with_sales: None, planner_page: Page, complaints: Complaints
) -> None:
    page = planner_page
    page.goto("/series?by=category")
    page.get_by_role("link", name="Furniture", exact=True).click()
    expect(page).to_have_url(re.compile(r"/series\?category=Furniture"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Furniture")
    expect(page.get_by_role("region", name="Forecast by month").locator("tbody tr")).to_have_count(12)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    table = Path(download.value.path()).read_text("utf-8-sig")
    assert table.startswith("category,month,kind,sales")
    assert table.count(",forecast,") == 12 + 1  # and the header
    assert complaints.messages == []


def test_search_finds_while_typing(with_sales: None, planner_page: Page) -> None:
    planner_page.get_by_label("Find a place or product").press_sequentially("furn", delay=30)
    planner_page.locator("#search-results").get_by_role("link", name="Furniture category", exact=True).click()
    expect(planner_page.get_by_role("heading", level=1)).to_have_text("Furniture")


def test_everything_works_without_javascript(with_sales: None, new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(java_script_enabled=False)
    sign_in(page)
    expect(page.get_by_role("heading", name="Total sales and forecast")).to_be_visible()

    file = tmp_path / "more.csv"
    file.write_text(HEADER + "".join(made_up_sales(date(2017, 11, 1), 2)) + "not a date,East,Ohio,Dayton,,,P-1,,5,1\n")
    upload(page, file)
    page.get_by_label("Quantity", exact=True).select_option("")
    page.get_by_role("button", name="Check the columns").click()
    expect(page.get_by_label("Quantity", exact=True)).to_have_value("")
    page.get_by_role("button", name="Load these sales").click()
    expect(page.get_by_text("The forecast is ready.")).to_be_visible(timeout=UNTIL_FORECAST)  # the page reloads itself
    expect(page.get_by_role("cell", name="not a date", exact=True)).to_be_visible()

    page.goto("/series/search?q=Salem")
    page.get_by_role("link", name="Salem").first.click()
    expect(page.get_by_role("region", name="Forecast by month").locator("tbody tr")).to_have_count(12)


def test_a_wrong_password_is_said_and_nothing_is_shown(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/jobs")
    page.get_by_label("E-mail").fill("planner@example.com")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("The e-mail address or the password is wrong."))


def test_a_file_that_is_no_csv_is_refused(planner_page: Page, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.touch()
    planner_page.goto("/imports")
    planner_page.get_by_label("Choose a file").set_input_files(file)
    planner_page.get_by_role("button", name="Upload and check").click()
    expect(planner_page.get_by_role("alert")).to_have_text(re.compile("empty"))


def test_the_theme_is_kept(planner_page: Page, complaints: Complaints) -> None:
    planner_page.locator("summary", has_text="Account and theme").click()
    planner_page.get_by_role("button", name="Dark").click()
    expect(planner_page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    planner_page.goto("/jobs")
    background = planner_page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(14, 20, 27)"
    assert complaints.messages == []


@pytest.mark.parametrize("path", ["/", "/series", "/series/search?q=a", "/imports", "/imports/1", "/jobs", "/models"])
def test_nothing_scrolls_sideways_on_a_phone(with_sales: None, new_page: NewPage, path: str) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    sign_in(page, path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_reaches_the_content_first(planner_page: Page, system: System) -> None:
    planner_page.goto("/jobs")
    planner_page.keyboard.press("Tab")
    expect(planner_page.get_by_role("link", name="Skip to content")).to_be_focused()
    planner_page.keyboard.press("Enter")
    assert planner_page.url == f"{system.url}/jobs#content"
