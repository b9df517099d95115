"""Whatever is done with secrets, and whatever fails meanwhile, the logs at their most talkative hold none of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from web_fixtures import PASSWORD, SECRET, ClientFor, MakeApp

from ml import logs
from ml.secrets import generate_key
from ml.settings import Settings
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.models import User
from worker.context import Services
from worker.lifecycle import Attempt
from worker.runner import execute

KEY = generate_key()
CREDENTIAL, METRICS = "s3cret-t0ken-of-the-source", "t0ken-of-the-metrics"
ENV = {"FORECASTLE_SECRET_KEY": KEY, "METRICS_TOKEN": METRICS, "FORECASTLE_LOG_LEVEL": "DEBUG"}


@pytest.fixture(params=["text", "json"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where everything is logged that happens in the test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    env = {**ENV, "SECRET_KEY": SECRET, "FORECASTLE_LOG_FORMAT": request.param}
    env |= {"FORECASTLE_LOG_FOLDER": str(tmp_path / "logs"), "FORECASTLE_HOME": str(tmp_path)}
    logs.configure(Settings.from_env(env).log, "web")
    yield tmp_path / "logs"
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture
def app(make_app: MakeApp, app: Flask) -> Flask:
    """The app with its roles, and with keys that are looked for in the logs."""
    return make_app(**ENV)


@requires(SALES_READ)
def careless(*_: Any, **__: Any) -> dict[str, Any]:
    """What neither views nor jobs should do: it tells all in an error."""
    raise RuntimeError(f"no answer with {KEY} and {SECRET} at postgresql://app:{CREDENTIAL}@db/x")


def test_no_secret_is_in_the_logs_of_web_and_worker(
    *,
    folder: Path,
    app: Flask,
    api: ClientFor,
    make_user: Callable[[str], User],
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user("admin")
    secrets = [SECRET, KEY, CREDENTIAL, METRICS, PASSWORD, user.password_hash]
    anybody, admin = app.test_client(), api("admin")
    secrets.append(admin.environ_base["HTTP_AUTHORIZATION"].split()[1])
    login = anybody.post("/api/v1/auth/login", json={"email": user.email, "password": PASSWORD})
    secrets += [login.json["access_token"], login.json["refresh_token"]]
    anybody.post("/api/v1/auth/login", json={"email": user.email, "password": PASSWORD + "!"})
    anybody.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"})
    anybody.get(f"/api/v1/jobs?token={CREDENTIAL}")
    token = admin.post("/api/v1/tokens", json={"name": "erp", "permissions": ["sales:read"]})
    secrets.append(token.json["token"])
    app.test_client().get("/api/v1/products", headers={"Authorization": f"Bearer {token.json['token']}"})
    settings = {"url": "https://127.0.0.1:9/orders", "records": "items"}
    source = {"name": "erp", "kind": "http", "settings": settings, "secret": {"token": CREDENTIAL}}
    made = admin.post("/api/v1/sources", json=source)
    assert made.status_code in (201, 422)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "api_products.list_all", careless)
    assert admin.get("/api/v1/products").status_code == 500
    asked = admin.post("/api/v1/train", json={})
    monkeypatch.setattr("worker.jobs.train.run", careless)
    execute(Attempt(asked.json["id"], 1), services)
    text = (folder / "web.log").read_text()
    assert "GET /api/v1/products" in text
    assert "train job failed" in text
    assert "RuntimeError: no answer with ***" in text
    assert [secret for secret in secrets if secret in text] == []
