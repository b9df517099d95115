"""A server between a client and another server, which a test can take away and bring back."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Self


class Forwarder:
    """Listens on a port of this machine and hands on what comes; a context manager.

    `target` is a path of a Unix socket, or host and port.
    """

    def __init__(self, target: str | tuple[str, int]) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._away = self._ended = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self.take_away()
        self._listener.close()

    def take_away(self) -> None:
        """Cut all connections, and every new one."""
        self._away = True
        for one in self._open:
            one.close()
        self._open.clear()

    def bring_back(self) -> None:
        """Serve again."""
        self._away = False

    def _accept(self) -> None:
        while not self._ended:
            try:
                ready, _, _ = select.select([self._listener], [], [], 0.1)
                client = self._listener.accept()[0] if ready else None
            except (OSError, ValueError):
                return
            if client is not None and self._away:
                client.close()
            elif client is not None:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        server = socket.socket(family)
        server.connect(self._target)
        self._open += [client, server]
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Hand on until either end is closed."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for one in (source, sink):
            one.close()
