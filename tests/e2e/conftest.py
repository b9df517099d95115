"""A whole running system, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_filled import STILL, fill, serving
from e2e_steps import PASSWORD, Complaints, NewPage, System, sign_in
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from ports import free_port
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.session import create_engine, create_sessions
from ml.secrets import generate_key
from ml.settings import ROOT
from webapp import create_app

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no chromium is installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def system(browser: Browser) -> Iterator[System]:
    """`python -m worker up` on a home of its own, with one planner and no sales."""
    home = Path(tempfile.mkdtemp(prefix="forecastle-"))
    dropped = {"DATABASE_URL", "REDIS_URL", "ARTIFACT_URL", "SECRET_KEY"}
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    only_months = {"FORECASTLE_GRAINS": "monthly"}  # training weeks and days would only slow the browser down
    env |= {"FORECASTLE_HOME": str(home), "FORECASTLE_THREADS": "1", "PORT": str(free_port()), **only_months}
    output = home / "up.log"
    with output.open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "worker", "up"], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            url = wait_for_address(process, output)
            create_user(env, "planner")
            yield System(url, home)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    shutil.rmtree(home, ignore_errors=True)


def wait_for_address(process: subprocess.Popen[bytes], output: Path) -> str:
    """What the supervisor says once everything runs."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"ready: (http://\S+)", output.read_text()):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"the system did not start:\n{output.read_text()}")


def create_user(env: dict[str, str], role: str) -> None:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "users", "create", "--password-stdin"]
    arguments = ["--email", f"{role}@example.com", "--role", role]
    subprocess.run(
        [*command, *arguments], cwd=ROOT, env=env, input=PASSWORD, text=True, check=True, capture_output=True
    )


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def new_page(browser: Browser, system: System, complaints: Complaints) -> Iterator[NewPage]:
    """Opens a page in a context of its own; keywords are the context's."""
    contexts: list[BrowserContext] = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(**{"base_url": system.url, "viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        complaints.listen(page)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def planner_page(new_page: NewPage) -> Page:
    """A page on which the planner has signed in."""
    page = new_page()
    sign_in(page)
    return page


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, sessionmaker[Session]]]:
    """The app on a database with something in every list."""
    home = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{home / 'forecastle.db'}"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    sessions = create_sessions(engine)
    with sessions() as session:
        fill(session, ArtifactStore(str(home / "artifacts")))
    env = {"DATABASE_URL": url, "REDIS_URL": f"unix://{home / 'none'}", "FORECASTLE_HOME": str(home)}
    secrets = {"SECRET_KEY": "a secret of tests, of many characters", "FORECASTLE_SECRET_KEY": generate_key()}
    app = create_app(env | secrets)
    yield app, sessions
    engine.dispose()


@pytest.fixture(scope="session")
def admin_context(browser: Browser, filled: tuple[Flask, sessionmaker[Session]]) -> Iterator[BrowserContext]:
    """A browser in which the administrator has signed in."""
    with serving(filled[0]) as url:
        context = browser.new_context(base_url=url, viewport={"width": 1440, "height": 900}, **STILL)
        page = context.new_page()
        page.goto("/login")
        page.get_by_label("E-mail").fill("admin@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        page.close()  # it would go on asking for what runs
        yield context
        context.close()


@pytest.fixture
def page(admin_context: BrowserContext) -> Iterator[Page]:
    page = admin_context.new_page()
    yield page
    page.close()
