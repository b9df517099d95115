"""What people do in a browser, and the sales that they load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, expect

from ml.grains import MONTHLY

PASSWORD = "an-e2e-password"
UNTIL_FORECAST = 180_000  # ms; the bar is 60 s on an idle machine, tests share theirs
HEADER = "Order Date,Region,State,City,Category,Sub-Category,Product ID,Product Name,Sales,Quantity\n"
PLACES = ("East,New York,Albany", "East,Ohio,Dayton", "West,Oregon,Salem")
PRODUCTS = ("Furniture,Chairs,P-1,Chair", "Furniture,Tables,P-2,Table", "Paper,Notes,P-3,Notebook")

NewPage = Callable[..., Page]


@dataclass(frozen=True)
class System:
    """A running system of its own: web server, worker, relay, scheduler, Valkey, SQLite."""

    url: str
    home: Path


@dataclass
class Complaints:
    """What the browser objected to: script errors, and breaches of the Content-Security-Policy."""

    messages: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("console", lambda message: self.messages.append(message.text) if message.type == "error" else None)


def sign_in(page: Page, path: str = "/") -> None:
    """Sign in as the planner, on the way to `path`."""
    page.goto(path)
    page.get_by_label("E-mail").fill("planner@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def upload(page: Page, file: Path) -> None:
    """Upload a file; the browser then shows its columns."""
    page.goto("/imports")
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which column is what?")


def made_up_sales(first: date, months: int) -> Iterator[str]:
    """CSV lines of a small company with a season; two sales a month of everything, everywhere."""
    for back in range(months):
        start = MONTHLY.shift(first, back)
        for i, place in enumerate(PLACES):
            for j, product in enumerate(PRODUCTS):
                amount = 100 + 20 * i + 30 * j + 40 * (start.month in {11, 12}) + back
                for day in (start, MONTHLY.last_day(start)):
                    yield f"{day.isoformat()},{place},{product},{amount}.50,{1 + j}\n"
