"""The API's description as OpenAPI 3.1, and a page to read it and to try it out.

The page is Swagger UI from a wheel: no CDN, and no inline script, so that the site's own
Content-Security-Policy holds for it too.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import cast

from flask import Blueprint, abort, current_app, send_file
from flask.typing import ResponseReturnValue
from flask_openapi.openapi import OpenAPI

from webapp.api.describe import described
from webapp.auth import public

HERE = Path(__file__).parent
DAY = 24 * 3600

blueprint = Blueprint("api_docs", __name__)


@blueprint.get("/api/v1/openapi.json")
@public
def description() -> ResponseReturnValue:
    """The description, for programs that generate clients."""
    return described(cast("OpenAPI", current_app))


@blueprint.get("/api/docs")
@public
def page() -> ResponseReturnValue:
    """The description, for people."""
    return send_file(HERE / "page.html")


@blueprint.get("/api/docs/<name>")
@public
def asset(name: str) -> ResponseReturnValue:
    """A script or style of the page."""
    files = {"start.js": HERE / "start.js", "page.css": HERE / "page.css", **swagger_files()}
    if name not in files:
        abort(404)
    return send_file(files[name], max_age=DAY)


def swagger_files() -> dict[str, Path]:
    """Swagger UI's files by name, as its wheel carries them."""
    spec = importlib.util.find_spec("flask_openapi_swagger")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "templates" / "swagger"
    return {path.name: path for path in (folder / "js" / "swagger-ui-bundle.js", folder / "css" / "swagger-ui.css")}
