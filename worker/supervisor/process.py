"""One supervised process: its log, its restarts, its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ml.errors import ConfigurationError
from worker.parent import die_with

STEADY = 60.0  # seconds after which a process has proved that it can run
LONGEST_DELAY = 30.0
LARGEST_LOG = 20 << 20


def restart_delay(failures: int) -> float:
    """Seconds to wait before the start after the n-th failure in a row: 1, 2, 4, … at most 30."""
    return float(min(LONGEST_DELAY, 2.0 ** (failures - 1)))


@dataclass(frozen=True)
class Program:
    """What to run. `grace` is how many seconds it gets between the signal to stop and the one to die."""

    name: str
    arguments: Sequence[str]
    grace: float = 10.0
    outlives_us: bool = False  # stays when the supervisor is killed; the next one deals with it
    on_terminal: bool = False  # writes to the terminal, not to a log
    umask: int = -1  # -1: as ours


class Process:
    """A program that runs, or that will be started again."""

    def __init__(self, program: Program, env: Mapping[str, str], folder: Path, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.failures = 0  # in a row
        self.was_steady = False
        self._env, self._folder = env, folder
        self._popen: subprocess.Popen[bytes] | None = None
        self._started = self._restart_at = 0.0

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C in the terminal does not reach it."""
        parent_dies = None if self.program.outlives_us else die_with(os.getpid())
        output = None if self.program.on_terminal else self._open_log()
        try:
            self._popen = subprocess.Popen(  # noqa: S603
                list(self.program.arguments),
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
                umask=self.program.umask,
                preexec_fn=parent_dies,  # noqa: PLW1509  (the supervisor has no threads)
            )
        except OSError as error:
            raise ConfigurationError(f"{self.program.name} cannot run {self.program.arguments[0]}: {error}.") from error
        finally:
            if output is not None:
                output.close()
        self._started = time.monotonic()

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def keep_alive(self) -> str | None:
        """Start it again when it has died and its delay is over; what there is to tell about it."""
        now = time.monotonic()
        if self._popen is None:
            if now >= self._restart_at:
                self.start()
            return None
        code = self.exit_code()
        if code is None:
            return None
        self.sweep()
        steady = now - self._started >= STEADY
        self.was_steady |= steady
        self.failures = 1 if steady else self.failures + 1
        delay = restart_delay(self.failures)
        self._popen, self._restart_at = None, now + delay
        return f"{self.program.name} ended ({describe(code)}), starting it again in {delay:.0f} s; see {self.log}"

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Ask it to end, twice, then end it with all that it started; at once when `hurry` says so."""
        for grace in (self.program.grace, 2.0):
            if self._popen is None or self.exit_code() is not None:
                break
            self._popen.terminate()
            deadline = time.monotonic() + grace
            while self.exit_code() is None and time.monotonic() < deadline and not hurry():
                time.sleep(0.05)
        self.sweep()

    def sweep(self) -> None:
        """Kill what is left of its process group."""
        if self._popen is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def tail(self, lines: int = 20) -> str:
        """The end of its log."""
        with suppress(FileNotFoundError), self.log.open(encoding="utf-8", errors="replace") as file:
            return "".join(deque(file, maxlen=lines)).rstrip()
        return ""

    def trim_log(self) -> None:
        """Set a log aside that has grown large; the process goes on appending to the emptied file."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def _open_log(self) -> IO[bytes]:
        file = self.log.open("ab")
        file.write(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {' '.join(self.program.arguments)}\n".encode())
        file.flush()
        return file


def describe(code: int) -> str:
    """How a process ended, in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
