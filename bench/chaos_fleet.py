"""The processes of one installation, started as the Procfile says, that a benchmark kills and starts again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ml.settings import ROOT
from worker import valkey
from worker.supervisor import home as homes
from worker.supervisor import procfile

BACK_SECONDS = 0.5
"""What a service manager takes to start a process again."""

VICTIMS = (
    "web",
    "web process",
    "worker",
    "worker",
    "work-horse",
    "work-horse",
    "relay",
    "relay",
    "scheduler",
    "valkey",
    "watch",
)
"""What is drawn from; what does most of the work comes twice."""


@dataclass
class Fleet:
    """All processes of `home`; `kills` counts what was killed, by name."""

    home: Path
    port: int
    settings: Mapping[str, str]
    kills: dict[str, int] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def env(self) -> dict[str, str]:
        """The environment of every process."""
        own = {"FORECASTLE_HOME": str(self.home), "REDIS_URL": valkey.url(self.home), "PORT": str(self.port)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **own, **self.settings}

    def start(self) -> None:
        """Make secrets and tables, start everything, and keep it running from now on."""
        self.home.mkdir(parents=True, exist_ok=True)
        homes.ensure_secret(self.home)
        commands = procfile.read(ROOT / "Procfile")
        subprocess.run(procfile.arguments(commands["release"], self.env), cwd=ROOT, env=self.env, check=True)
        self._launch("valkey", valkey.command(self.home))
        for name, command in commands.items():
            if name not in procfile.ONCE:
                self._launch(name, procfile.arguments(command, self.env))
        threading.Thread(target=self._keep, daemon=True).start()

    def stop(self) -> None:
        """Stop everything, Valkey last."""
        self._ended.set()
        for name in sorted(self._running, key=lambda name: name == "valkey"):
            process = self._running[name]
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, draw: random.Random) -> str:
        """Kill one of VICTIMS; its name, or '' where that one is not there at this moment."""
        name = draw.choice(VICTIMS)
        of = {"web process": "web", "work-horse": "worker"}.get(name, name)
        with self._lock:
            process = self._running[of]
            pids = [process.pid] if of == name else children(process.pid)
            if not pids or process.poll() is not None:
                return ""
            with suppress(ProcessLookupError):
                os.kill(draw.choice(pids), signal.SIGKILL)
        self.kills[name] = self.kills.get(name, 0) + 1
        return name

    def _launch(self, name: str, command: list[str]) -> None:
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._ended.wait(BACK_SECONDS):
            with self._lock:
                for name, process in list(self._running.items()):
                    if process.poll() is not None and not self._ended.is_set():
                        self._launch(name, [str(part) for part in process.args])  # type: ignore[union-attr]


def children(pid: int) -> list[int]:
    """The processes that a process started, and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(status.parent.name))
    return found


def killing(fleet: Fleet, draw: random.Random, seconds: float, kills: int) -> threading.Thread:
    """A thread that kills so many processes at random moments of the next seconds."""

    def work() -> None:
        began = time.monotonic()
        for moment in sorted(draw.uniform(0, seconds) for _ in range(kills)):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            while not fleet.kill(draw):
                time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    return thread
