"""A small SMTP server that keeps what it is sent and refuses one recipient."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

REFUSED = b"<refused@"


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.messages: list[EmailMessage] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self) -> None:
        """Answer line by line."""
        self.say(b"220 ready")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"QUIT":
                return self.say(b"221 bye")
            if command == b"DATA":
                self.say(b"354 go on")
                self.keep()
            self.say(b"550 nobody here" if command == b"RCPT" and REFUSED in line else b"250 fine")
        return None

    def keep(self) -> None:
        """Read a message to its end."""
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        cast("SmtpServer", self.server).messages.append(cast("EmailMessage", message))

    def say(self, line: bytes) -> None:
        """Send a line."""
        self.wfile.write(line + b"\r\n")


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """A server that runs meanwhile."""
    with SmtpServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
