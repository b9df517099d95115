"""Logs of every process: lines for people or JSON for machines, with the ids of the request and the job that they are
about, without secrets, and in files that are rotated where that is wanted."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus

from ml.db import audit
from ml.environment import read_kind, secrets_of
from ml.errors import ConfigurationError
from ml.secrets import MASK, SHORTEST, scrub

FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
QUIET = ("apscheduler", "rq.worker", "rq.job", "cmdstanpy", "prophet", "urllib3", "botocore", "numba", "werkzeug")
"""Libraries that narrate."""

TOKENS = re.compile(r"\b([Bb]earer\s+)[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]+|\bfc[a-z]_[\w-]{16,}")
"""Tokens of people and of systems, wherever a library writes them down."""

ids: ContextVar[Mapping[str, Any]] = ContextVar("ids", default=MappingProxyType({}))
"""What is being done here, beside the request it goes back to: `job_id`, `attempt`, `event_id`, ..."""


@dataclass(frozen=True)
class LogSettings:
    """How this process logs. `folder` keeps `<role>.log` files of `megabytes`, and `keep` older ones of each."""

    format: str = "text"
    level: str = "INFO"
    folder: Path | None = None
    megabytes: int = 20
    keep: int = 5
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str], kept: tuple[str, ...] = ()) -> LogSettings:
        """Read them from the environment; `kept` are secrets that lie elsewhere."""
        folder = env.get("FORECASTLE_LOG_FOLDER", "").strip()
        default = "json" if read_kind(env) == "production" else "text"
        return cls(
            format=read_word(env, "FORECASTLE_LOG_FORMAT", default, FORMATS),
            level=read_word(env, "FORECASTLE_LOG_LEVEL", "INFO", LEVELS),
            folder=Path(folder).resolve() if folder else None,
            megabytes=read_count(env, "FORECASTLE_LOG_MB", cls.megabytes),
            keep=read_count(env, "FORECASTLE_LOG_KEEP", cls.keep),
            secrets=(*secrets_of(env), *kept),
        )


def read_word(env: Mapping[str, str], name: str, default: str, words: tuple[str, ...]) -> str:
    """One of some words; raises ConfigurationError for any other."""
    found = env.get(name, "").strip() or default
    if found not in words:
        raise ConfigurationError(f"{name} is {found!r}; expected one of {', '.join(words)}.")
    return found


def read_count(env: Mapping[str, str], name: str, default: int) -> int:
    """A whole number above 0; raises ConfigurationError for anything else."""
    text = env.get(name, "").strip() or str(default)
    if not text.isdecimal() or not int(text):
        raise ConfigurationError(f"{name} is {text!r}; expected a whole number above 0, such as {default}.")
    return int(text)


@contextmanager
def about(**more: Any) -> Iterator[None]:
    """Every line that is logged within carries these ids, too."""
    token = ids.set({**ids.get(), **more})
    try:
        yield
    finally:
        ids.reset(token)


def configure(settings: LogSettings, role: str) -> None:
    """Log to standard error, and to `<role>.log` where files are wanted, instead of what was set up before."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.folder is not None:
        settings.folder.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatedFile(settings.folder / f"{role}.log", settings.megabytes << 20, settings.keep))
    formatter = JsonLines(settings.secrets, role) if settings.format == "json" else Lines(settings.secrets)
    root = logging.getLogger()
    for former in [handler for handler in root.handlers if getattr(handler, "ours", False)]:
        root.removeHandler(former)
        former.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.ours = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(settings.level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Lines(logging.Formatter):
    """Lines for people: time, level, name, message, and the ids behind it."""

    def __init__(self, secrets: tuple[str, ...] = (), form: str = TEXT, times: str | None = None) -> None:
        super().__init__(form, times)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback where there is one."""
        return hide(super().format(record), self._secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (the name is logging's)
        """The first line."""
        found = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        return super().formatMessage(record) + (f" [{found}]" if found else "")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, secrets: tuple[str, ...], role: str) -> None:
        super().__init__()
        self._secrets, self._role = secrets, role

    def format(self, record: logging.LogRecord) -> str:
        """The record with its time in UTC, its ids, and the traceback where there is one."""
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "role": self._role,
            "pid": record.process,
            **fields_of(record),
        }
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        return hide(json.dumps(found, ensure_ascii=False, default=str), self._secrets)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The ids of what is being done, and what a call of ours gives as `extra={"fields": {…}}`."""
    request = audit.request_id()
    return {**({"request_id": request} if request else {}), **ids.get(), **getattr(record, "fields", {})}


def hide(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without secrets, passwords of addresses, and tokens."""
    if (known := spellings(secrets)) is not None:
        text = known.sub(MASK, text)
    if "//" in text:
        text = scrub(text)
    return TOKENS.sub(lambda found: (found[1] or "") + MASK, text)


@lru_cache(maxsize=8)
def spellings(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    """All ways in which the secrets may stand in a line: as they are, in an address, in JSON; None without any."""
    found = {
        spelt
        for secret in secrets
        if len(secret) >= SHORTEST
        for spelt in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    }
    ordered = sorted(found, key=lambda spelt: (-len(spelt), spelt))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


class RotatedFile(WatchedFileHandler):
    """A file that many processes append to, and that whoever finds it full sets aside: `x.log` becomes `x.log.1`.

    The others notice by its inode that it is another file. (The library's own rotation loses lines of processes that
    share a file.)
    """

    def __init__(self, path: Path, size: int, keep: int) -> None:
        self._size, self._keep = size, keep
        super().__init__(path, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, into a new file where this one is full."""
        try:
            if self._is_full():
                self._set_aside()
        except OSError:
            self.handleError(record)
        super().emit(record)

    def _is_full(self) -> bool:
        path = Path(self.baseFilename)
        return path.exists() and path.stat().st_size >= self._size

    def _set_aside(self) -> None:
        with Path(f"{self.baseFilename}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._is_full():
                return  # another process was first
            for number in range(self._keep, 0, -1):
                older = Path(f"{self.baseFilename}.{number - 1}" if number > 1 else self.baseFilename)
                if older.exists():
                    os.replace(older, f"{self.baseFilename}.{number}")  # noqa: PTH105
