"""The home folder of an installation: its lock, its secret, and the environment of its processes."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ml.errors import ConfigurationError, ConflictError
from ml.secrets import generate_key
from ml.settings import SOURCE_KEY_FILE, TOKEN_KEY_FILE, Settings, read_int
from worker import valkey

FIRST_PORT, PORTS = 8000, 100
DRAIN_SECONDS = "5"  # Ctrl-C at a desk should not take as long as a rollout may; the job is retried at the next start


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home folder for this process; raises ConflictError, naming the holder, when it is taken.

    The lock goes with the process that holds it, however that ends; children do not inherit it.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "supervisor.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ConflictError(
                f"Forecastle already runs on {home} (process {holder}). Stop it there with Ctrl-C or with "
                f"`kill {holder}`, or set FORECASTLE_HOME to another folder to run a second one."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def ensure_secret(home: Path) -> None:
    """Make the key that signs tokens and the one that encrypts credentials, once; only this user may read them."""
    _keep(home / TOKEN_KEY_FILE, secrets.token_hex(32))
    _keep(home / SOURCE_KEY_FILE, generate_key())


def _keep(path: Path, text: str) -> None:
    """Write a private file unless it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def environment(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """What every process is given: this interpreter first on the path, one home, one Redis, one port."""
    return {
        **env,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "FORECASTLE_HOME": str(settings.home),
        "REDIS_URL": env.get("REDIS_URL", "").strip() or valkey.url(settings.home),
        "PORT": str(choose_port(env)),
        "FORECASTLE_DRAIN_SECONDS": env.get("FORECASTLE_DRAIN_SECONDS", "").strip() or DRAIN_SECONDS,
    }


def choose_port(env: Mapping[str, str]) -> int:
    """PORT where it is set and free, else the first free one from 8000; raises ConfigurationError when taken."""
    wanted = read_int(env, "PORT", 0)
    if wanted:
        if not is_free(wanted):
            raise ConfigurationError(f"port {wanted} is taken by another program; stop that, or set PORT to another.")
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if is_free(port):
            return port
    raise ConfigurationError(f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}; set PORT to a free one.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True
