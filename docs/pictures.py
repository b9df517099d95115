"""`make screenshots`: every page of the demo company, in both themes, on a desk and on a phone, into docs/images.

    python -m docs.pictures [--home FOLDER] [--only explore]

Starts the product with its demo data in a folder of its own, which is kept: only the first run waits for the training.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.page_paths import page_paths
from ml.settings import ROOT
from webapp import create_app
from webapp.extensions import db

IMAGES = ROOT / "docs" / "images"
SIZES = {"1440": {"width": 1440, "height": 900}, "390": {"width": 390, "height": 844}}
TALLEST = 1050  # pixels; what follows is more of the same
QUALITY = 30  # of WebP
START_SECONDS = 600
README = {"overview": "overview.png", "series": "series.png", "import-columns": "import.png"}
"""Pictures that README shows, as PNG, which every viewer of repositories draws."""
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
EMAIL, PASSWORD = "demo@example.com", "a long enough password"

ASKED = {
    "series.show": "?region={region}",
    "series.find": "?q=sal",
    "overrides.new": "?region={region}",
    "scenarios.new": "?region={region}",
    "sources.new": "?kind=http",
}
"""What pages are asked for beside their address."""

CHOSEN = {
    "imports.show": "/imports/{uploaded}",
    "imports.loaded": "/imports/{loaded}",
    "imports.take_back": "/imports/{loaded}/take-back",
    "jobs.show": "/jobs/{job}",
}
"""Pages of a record that tells more than the newest one."""

STRANGERS = ("sign-in", "registration")
"""Pictures of pages that are for who has not signed in."""

NAMES = {"overview.show": "overview", "series.show": "series", "imports.show": "import-columns"}
NAMES |= {"account.show": "account", "account.sign_in_form": "sign-in", "account.registration": "registration"}
"""Pictures that are not called as their page is inside."""


@contextlib.contextmanager
def running(home: Path) -> Iterator[str]:
    """The address of the product with its demo data."""
    home.mkdir(parents=True, exist_ok=True)
    output = home / "pictures.log"
    env = {**os.environ, "FORECASTLE_HOME": str(home), "OVERRIDE_APPROVAL": "1"}
    with output.open("w") as log:
        command = [sys.executable, "-m", "worker", "up", "--demo"]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)  # noqa: S603
    try:
        end = time.monotonic() + START_SECONDS
        while not (found := re.search(r"ready: (http://\S+)", output.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the product did not start:\n{output.read_text()}")
            time.sleep(0.5)
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Api:
    """The API as somebody."""

    def __init__(self, context: BrowserContext, email: str, password: str) -> None:
        self._request, self._headers = context.request, dict[str, str]()
        given = self.post("auth/login", {"email": email, "password": password})
        self._headers = {"Authorization": f"Bearer {given['access_token']}"}

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer; that something is there already is no error."""
        return self._request.post(f"/api/v1/{path}", data=dict(body), headers=self._headers).json()

    def get(self, path: str) -> Any:
        """What is there."""
        return self._request.get(f"/api/v1/{path}", headers=self._headers).json()

    def wait_for(self, job_id: int) -> None:
        """Until a job has ended."""
        while self.get(f"jobs/{job_id}")["state"] in ("queued", "running"):
            time.sleep(1)

    def newest(self, path: str) -> Any:
        """The first item of a list; None without any."""
        return next(iter(self.get(path)["items"]), None)


def add_what_people_add(context: BrowserContext, api: Api) -> dict[str, Any]:
    """Accounts, a token, a webhook, a source and changed forecasts, where they are not there; and what pages name."""
    region = api.newest("sales?limit=1")["region"]
    places = {"regions": [region]}
    for role, scope in (("planner", None), ("operator", None), ("viewer", places)):
        body = {"email": f"{role}@example.com", "name": role.title(), "password": PASSWORD, "role": role}
        api.post("users", body | {"scope": scope})
    if api.newest("invitations") is None:
        api.post("invitations", {"email": "colleague@example.com", "role": "planner", "scope": places})
    api.post("tokens", {"name": "erp-production", "permissions": ["sales:read", "sales:import"]})
    api.post("tokens", {"name": "report", "permissions": ["sales:read"], "expires_in_days": 90})
    if api.newest("webhooks") is None:
        hook = {"url": "https://erp.example.com/hooks/forecastle", "events": ["forecast.published", "job.failed"]}
        api.post("webhooks", hook | {"description": "Tells the ERP of each new forecast"})
    api.post(
        "sources", {"name": "ERP orders", "kind": "http", "settings": {"url": "https://erp.example.com/api/orders"}}
    )
    if api.newest("overrides") is None:
        planner = Api(context, "planner@example.com", PASSWORD)
        periods = [one["period"] for one in api.get(f"predict?region={region}&periods=3")["forecast"]]
        change = {"region": region, "kind": "percent", "reason": "promotion"}
        first = planner.post("overrides", change | {"values": {periods[0]: 8}, "comment": "The spring fair"})
        api.post(f"overrides/{first['id']}/decision", {"approve": True})
        planner.post(
            "overrides", change | {"values": dict.fromkeys(periods[1:], 5), "comment": "Second half of the campaign"}
        )
    if api.newest("stock-simulations") is None:
        api.wait_for(api.post("stock-simulations", {"name": "Which policy for the top sellers"})["job_id"])
    lists = {
        "override": "overrides",
        "loaded": "imports?state=loaded&dataset=sales",
        "source": "sources",
        "webhook": "webhooks",
        "job": "jobs?kind=train",
    }
    return {"region": region, **{name: found_id(api, path) for name, path in lists.items()}}


def found_id(api: Api, path: str) -> Any:
    """The id of the newest of a list; None without any."""
    found = api.newest(path)
    return None if found is None else found["id"]


def upload(page: Page, home: Path) -> str:
    """Upload some sales; the id of an import whose columns wait to be checked."""
    file = home / "september.csv"
    command = [sys.executable, "-m", "ml", "demo-data", "--out", str(file), "--rows", "900", "--months", "3"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    page.goto("/imports")
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    page.wait_for_url(re.compile(r"/imports/\d+"))
    return page.url.rpartition("/")[2]


def sign_in(context: BrowserContext, password: str) -> Page:
    """A page on which the demo's administrator has signed in."""
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    return page


def take(browser: Browser, url: str, home: Path, only: str) -> None:
    """All pictures."""
    password = (home / "demo-login.txt").read_text(encoding="utf-8").split()[1]
    with contextlib.closing(browser.new_context(base_url=url, reduced_motion="reduce", **wide())) as context:
        page = sign_in(context, password)
        api = Api(context, EMAIL, password)
        waiting = found_id(api, "imports?state=uploaded")
        names = add_what_people_add(context, api) | {"uploaded": waiting or upload(page, home)}
        state = context.storage_state()
    pages = {name: path for name, path in addresses(home, names).items() if only in name}
    for size, viewport in SIZES.items():
        for theme in ("light", "dark"):
            context = browser.new_context(base_url=url, viewport=viewport, storage_state=state, reduced_motion="reduce")  # type: ignore[arg-type]
            context.add_cookies([{"name": "theme", "value": theme, "url": url}])
            page = context.new_page()
            for name, path in pages.items():
                if name in STRANGERS:
                    context.clear_cookies(name=re.compile("token"))  # they are the last ones
                keep(page, path, f"{name}-{theme}-{size}", README.get(name))
            context.close()


def addresses(home: Path, names: Mapping[str, Any]) -> dict[str, str]:
    """Where each page is, by the name of its pictures."""
    app = create_app({**os.environ, "FORECASTLE_HOME": str(home)})
    with app.app_context():
        found = dict(page_paths(app, db.session())) | {one: path.format(**names) for one, path in CHOSEN.items()}
    whole = {endpoint: path + ASKED.get(endpoint, "").format(**names) for endpoint, path in found.items()}
    named = {NAMES.get(one, one.removesuffix(".index").replace(".", "-")): path for one, path in whole.items()}
    return dict(sorted(named.items(), key=lambda one: one[0] in STRANGERS))


def list_pictures() -> None:
    """Write the page that shows which pictures there are."""
    names = sorted({path.name.rsplit("-", 2)[0] for path in IMAGES.glob("*-light-1440.webp")})
    lines = ["# Every page", "", "`make screenshots` takes these pictures of the demo company.", ""]
    lines += ["| page | 1440 px, light | dark | 390 px, light | dark |", "|---|---|---|---|---|"]
    for name in names:
        kinds = (f"[picture]({name}-{theme}-{size}.webp)" for size in SIZES for theme in ("light", "dark"))
        lines.append(f"| {' | '.join([re.sub('[-_]', ' ', name), *kinds])} |")
    (IMAGES / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def wide() -> dict[str, Any]:
    return {"viewport": SIZES["1440"]}


def keep(page: Page, path: str, name: str, readme: str | None) -> None:
    """One picture, compressed; on a desk in light also as README shows it."""
    answer = page.goto(path)
    if answer is None or answer.status >= 400:
        raise SystemExit(f"{path} answers {answer and answer.status}")
    page.wait_for_load_state("networkidle")
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.set_viewport_size({"width": width, "height": max(height, 600)})
    page.wait_for_timeout(150)  # charts draw themselves anew
    picture = Image.open(io.BytesIO(page.screenshot()))
    page.set_viewport_size({"width": width, "height": SIZES[str(width)]["height"]})
    picture.convert("RGB").save(IMAGES / f"{name}.webp", quality=QUALITY, method=5)
    if readme and name.endswith("light-1440"):
        picture.crop((0, 0, width, min(picture.height, 1000))).quantize(128).save(IMAGES / readme, optimize=True)


def main() -> None:
    """Start the product, and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m docs.pictures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "pictures")
    parser.add_argument("--only", default="", metavar="TEXT", help="pages whose name holds this")
    given = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no Chromium is installed (apt-get install chromium)")
    IMAGES.mkdir(exist_ok=True)
    with running(given.home.resolve()) as url, sync_playwright() as playwright:
        take(playwright.chromium.launch(executable_path=path, args=CHROMIUM), url, given.home.resolve(), given.only)
    list_pictures()


if __name__ == "__main__":
    main()
