"""A Flask app with nothing but one route, which returns the bytes of a file: no API on Flask is faster."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
CONTENT = Path(os.environ["BARE_BYTES"]).read_bytes() if "BARE_BYTES" in os.environ else b""


@app.get("/")
def bare() -> Response:
    """The bytes."""
    return Response(CONTENT, mimetype="application/json")
