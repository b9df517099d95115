"""Settings of the engine, read strictly from the environment.

Nothing is set by default but the embedded shape: an SQLite file, an embedded
Valkey and a folder for artifacts, all below `FORECASTLE_HOME` (`./var`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent


def read_int(env: Mapping[str, str], name: str, default: int, minimum: int = 1) -> int:
    """An integer setting; raises ConfigurationError where it is none or too small."""
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise ConfigurationError(f"{name} is {text!r}; expected a whole number, such as {default}.") from None
    if value < minimum:
        raise ConfigurationError(f"{name} is {value}; expected at least {minimum}.")
    return value


def read_bool(env: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A yes-or-no setting (1/0, true/false, yes/no, on/off); anything else is a ConfigurationError."""
    text = env.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} is {text!r}; expected one of 1, 0, true, false, yes, no, on, off.")


@dataclass(frozen=True)
class Settings:
    """Where data and models live, and how much of the machine may be used."""

    home: Path
    database_url: str
    artifact_url: str
    threads: int

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; `env` defaults to the process environment."""
        env = os.environ if env is None else env
        home = Path(env.get("FORECASTLE_HOME", "").strip() or ROOT / "var").resolve()
        return cls(
            home=home,
            database_url=env.get("DATABASE_URL", "").strip() or f"sqlite:///{home / 'forecastle.db'}",
            artifact_url=env.get("ARTIFACT_URL", "").strip() or str(home / "artifacts"),
            threads=read_int(env, "FORECASTLE_THREADS", os.cpu_count() or 1),
        )
