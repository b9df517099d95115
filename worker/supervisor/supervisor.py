"""The supervisor's course: Valkey, migrations, processes, demo data, watching, and the way back."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ml.errors import ForecastleError, SourceError
from ml.settings import ROOT, Settings
from worker import valkey
from worker.supervisor import home, procfile
from worker.supervisor.process import Process, Program

STOPPED_LAST = ("scheduler", "relay", "interactive", "worker", "trainer", "valkey")
"""In this order, after web and any other."""
START_SECONDS = 60.0
TRIES_AT_START = 3
TICK = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(ForecastleError):
    """A process cannot start; the message ends with what it said last."""


class StopRequested(Exception):  # noqa: N818  (not an error)
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def up(*, demo: bool = False, data: Path | None = None, root: Path = ROOT, env: Mapping[str, str] | None = None) -> int:
    """Run everything until it is told to stop; returns the exit code.

    `demo` loads demo data, or the file `data`, once the web server answers.
    """
    env = os.environ if env is None else env
    try:
        settings = Settings.from_env(env)
        if data is not None and not data.is_file():
            raise SourceError(f"there is no file {data}; expected sales as CSV.")
        with home.locked(settings.home):
            home.ensure_secret(settings.home)
            return Supervisor(settings, root, env).run(demo, data)
    except ForecastleError as error:
        sys.stderr.write(f"forecastle: {error}\n")
        return 1


class Supervisor:
    """All processes of one home folder. It has no threads: a child is to die with *this* thread's process."""

    def __init__(self, settings: Settings, root: Path, env: Mapping[str, str]) -> None:
        self.home = settings.home
        self.embedded = not env.get("REDIS_URL", "").strip()
        self.env = home.environment(settings, env)
        self.root = root
        self.logs = settings.home / "logs"
        self.logs.mkdir(exist_ok=True)
        self.commands = procfile.read(root / "Procfile")
        self.processes: dict[str, Process] = {}
        self._stop_signals = 0

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.env['PORT']}"

    def run(self, demo: bool, data: Path | None) -> int:
        """Start everything, watch it, and stop it all again, whatever happens."""
        with self._signals_counted():
            try:
                say(f"Forecastle starts; its data is in {self.home}, its logs in {self.logs}")
                self._start(demo, data)
                self._watch()
            except StopRequested:
                return 0
            finally:
                self._stop_all()
                say(f"Stopped. Data stays in {self.home}")

    def _start(self, demo: bool, data: Path | None) -> None:
        if self.embedded:
            self._start_valkey()
        self._run_once("release", "The database cannot be brought up to date")
        for name in self.commands:
            if name not in procfile.ONCE:
                self._launch(self._program(name))
        self._wait_for_web()
        if demo:
            self._run_once(
                "demo", "Demo data cannot be loaded", [] if data is None else ["--data", str(data.resolve())]
            )
        say(f"Forecastle is ready: {self.address}\nPress Ctrl-C to stop it.")

    def _start_valkey(self) -> None:
        if (pid := valkey.stop_orphan(self.home)) is not None:
            say(f"stopped the Valkey server (process {pid}) that an earlier run left behind")
        process = self._launch(Program("valkey", valkey.command(self.home), outlives_us=True, umask=0o077))
        deadline = time.monotonic() + START_SECONDS
        while not valkey.answers(self.home):
            self._tick()
            if time.monotonic() > deadline:
                raise StartError(f"Valkey does not answer. Its log, {process.log}, ends:\n{process.tail()}")

    def _run_once(self, name: str, failure: str, more: list[str] | None = None) -> None:
        """Run a command of the Procfile to its end; raises StartError when it fails."""
        process = Process(self._program(name, more), self.env, self.root, self.logs)
        process.start()
        try:
            while (code := process.exit_code()) is None:
                self._tick()
        finally:
            process.stop(self._hurries)
        if code:
            tail = "" if process.program.on_terminal else f" Its log, {process.log}, ends:\n{process.tail()}"
            raise StartError(f"{failure}: `{self.commands[name]}` ended with exit code {code}.{tail}")

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._web_answers():
            self._tick()
            if time.monotonic() > deadline:
                web = self.processes["web"]
                raise StartError(f"{self.address} does not answer. The log of web, {web.log}, ends:\n{web.tail()}")

    def _web_answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", int(self.env["PORT"]), timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _program(self, name: str, more: list[str] | None = None) -> Program:
        arguments = [*procfile.arguments(self.commands[name], self.env), *(more or [])]
        return Program(name, arguments, on_terminal=name == "demo")

    def _launch(self, program: Program) -> Process:
        process = self.processes[program.name] = Process(program, self.env, self.root, self.logs)
        process.start()
        return process

    def _watch(self) -> NoReturn:
        while True:
            for _ in range(600):
                self._tick()
            for process in self.processes.values():
                process.trim_log()

    def _tick(self) -> None:
        """A moment's wait in which the dead are raised; raises StopRequested, or StartError for what never ran."""
        time.sleep(TICK)
        if self._stop_signals:
            raise StopRequested
        for name, process in self.processes.items():
            news = process.keep_alive()
            if news is None:
                continue
            if not process.was_steady and process.failures >= TRIES_AT_START:
                raise StartError(f"{name} cannot start. Its log, {process.log}, ends:\n{process.tail()}")
            say(news)

    def _stop_all(self) -> None:
        say("Stopping…")
        for name in sorted(self.processes, key=lambda name: STOPPED_LAST.index(name) if name in STOPPED_LAST else -1):
            self.processes[name].stop(self._hurries)

    def _hurries(self) -> bool:
        return self._stop_signals > 1

    @contextmanager
    def _signals_counted(self) -> Iterator[None]:
        def count(_number: int, _frame: FrameType | None) -> None:
            self._stop_signals += 1

        before = {number: signal.signal(number, count) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def say(text: str) -> None:
    """Tell the terminal, or whatever stands in for it."""
    with suppress(OSError):  # a closed terminal must not keep us from stopping in order
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
