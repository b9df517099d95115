"""A port for a server of a test, so that servers of tests that run at once do not meet."""

from __future__ import annotations

import socket


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on now, and that the system gives to no one else soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
