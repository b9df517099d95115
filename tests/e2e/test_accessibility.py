"""Every page is looked at by axe-core, in both themes."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from e2e_filled import STILL
from e2e_steps import Complaints
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy.orm import Session, sessionmaker

from bench.page_paths import page_paths
from ml.db.restock import StockReport
from ml.settings import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that hang on the theme; all others see the same page in both."""
LOOK = """async only => {
    const found = await axe.run(document, {runOnly: only, resultTypes: ["violations"]});
    return found.violations.flatMap(({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 160)} ${node.any
        .concat(node.all, node.none).map(({message}) => message).join("; ")}`));
}"""
MORE = (
    "/series?region=North",
    "/series?by=product",
    "/series/search?q=a",
    "/explore?q=tools",
    "/explore?q=nothing-is-called-so",
    "/overrides/new?region=North",
    "/sources/new?kind=sql",
    "/jobs?state=failed",
    "/stock/item?area=Ayton&product_id=1",
)
"""Pages with what an address asks for."""
ANONYMOUS = ("/login", "/register", "/register?invitation=fci_none")


def complaints_of(page: Page) -> list[str]:
    """What axe finds on the page as it is, in light and in dark."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = []
    for theme, only in (("light", {"type": "tag", "values": TAGS}), ("dark", {"type": "rule", "values": COLOURS})):
        page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
        found += [f"{theme}: {one}" for one in page.evaluate(LOOK, only)]
    return found


@pytest.mark.timeout(300)
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci)")
def test_axe_finds_nothing_on_any_page_in_either_theme(page: Page, filled: tuple[Flask, sessionmaker[Session]]) -> None:
    app, sessions = filled
    with sessions() as session:
        paths = [path for _, path in page_paths(app, session)]
    assert len(paths) > 40
    heard, found = Complaints(), {}
    heard.listen(page)
    for path in (*paths, *MORE):
        page.goto(path)
        found[path] = complaints_of(page)
    assert not any(found.values()), json.dumps({path: one for path, one in found.items() if one}, indent=1)
    assert heard.messages == []
    page.goto("/no-such-page")
    assert complaints_of(page) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci)")
def test_axe_finds_nothing_in_a_report_that_is_mailed(page: Page, filled: tuple[Flask, sessionmaker[Session]]) -> None:
    with filled[1]() as session:
        report = session.scalars(sa.select(StockReport.id).where(StockReport.kind == "html")).first()
    page.goto("/")
    page.set_content(page.evaluate("async url => (await fetch(url)).text()", f"/stock/reports/{report}"))
    assert page.get_by_role("heading", level=1).count() == 1
    assert complaints_of(page) == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm ci)")
def test_axe_finds_nothing_before_signing_in(browser: Browser, page: Page) -> None:
    page.goto("/")
    stranger = browser.new_page(base_url=page.url, **STILL)
    found = {}
    for path in ANONYMOUS:
        stranger.goto(path)
        found[path] = complaints_of(stranger)
    stranger.close()
    assert not any(found.values()), json.dumps(found, indent=1)
