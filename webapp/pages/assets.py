"""Addresses of static files that change with their content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Response, current_app, request, url_for

YEAR = 365 * 24 * 3600


def asset(name: str) -> str:
    """The URL of a static file, with a hash of its content."""
    path = Path(str(current_app.static_folder), name)
    return url_for("static", filename=name, v=digest(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def digest(path: Path, _changed: int) -> str:
    """Ten hex digits of the content's hash; read once for each change of the file."""
    return hashlib.blake2b(path.read_bytes(), digest_size=5).hexdigest()


def read_whole(response: Response) -> Response:
    """Read a static file before it is compressed: of a stream that is compressed nobody closes the file."""
    if request.endpoint == "static" and response.status_code == 200:
        response.direct_passthrough = False
        response.make_sequence()
    return response


def keep_for_good(response: Response) -> Response:
    """Let browsers keep a static file whose address names its content."""
    if request.endpoint == "static" and "v" in request.args and response.status_code in {200, 304}:
        response.cache_control.max_age = YEAR
        response.cache_control.public = True
        response.cache_control.immutable = True
        response.cache_control.no_cache = None
    return response
