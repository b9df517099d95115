"""What the tests of sources share: settings of the engine, and a JSON API that misbehaves on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ml.etl.sources.chunks import Connection, Reading, Watermark
from ml.etl.sources.pulled import read
from ml.secrets import Secret, generate_key
from ml.settings import Settings

PASSWORD = "s3cret/p@ss word"
KEY = generate_key()


def engine_settings(folder: Path, *allowed: str) -> Settings:
    """Settings under which files of `folder` and the hosts `allowed` may be read."""
    return Settings(
        home=folder,
        database_url=f"sqlite:///{folder / 'forecastle.db'}",
        artifact_url=str(folder / "artifacts"),
        threads=1,
        secret_keys=(KEY,),
        allowed_hosts=allowed,
        source_folders=(folder,),
    )


def rows_of(
    connection: Connection, watermark: Watermark | None = None, limit: int | None = None
) -> tuple[list[dict[str, str]], Reading]:
    """All rows of a source by column, and what was learned on the way."""
    reading = Reading()
    chunks = list(read(connection, watermark, reading, limit))
    return [dict(zip(chunk.columns, row, strict=True)) for chunk in chunks for row in chunk.rows], reading


class Api:
    """A JSON API whose answers a test writes: a function of path and parameters that gives (status, headers, body)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, str]], Any] = lambda _path, _params: []
        self.stopped = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/api/sales"

    def connection(self, folder: Path, token: str = "", **settings: Any) -> Connection:
        """A source on this API, whose host is allowed."""
        engine = engine_settings(folder, f"127.0.0.1:{self.port}")
        secret = Secret({"token": token} if token else {})
        return Connection("http", {"url": self.url, "backoff": 0, **settings}, secret, engine)


@contextmanager
def serving() -> Iterator[Api]:
    """An API that runs in a thread."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query))
            api.asked.append((parts.path, params, dict(self.headers)))
            made = api.answer(parts.path, params)
            status, headers, body = made if isinstance(made, tuple) else (200, {}, made)
            if callable(body):
                self.close_connection = True
                body(self)
                return
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that broke off is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        api.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            api.stopped.set()
            server.shutdown()
            thread.join()


def stall(api: Api, seconds: float = 30) -> Callable[[Any], None]:
    """A body that never comes."""
    return lambda _handler: api.stopped.wait(seconds) and None


def drip(api: Api) -> Callable[[Any], None]:
    """A body that comes byte by byte, so that no pause is ever long."""

    def send(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[")
        while not api.stopped.is_set():
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    return send
