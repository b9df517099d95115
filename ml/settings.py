"""Settings of the engine, read strictly from the environment.

Nothing is set by default but the embedded shape: an SQLite file, an embedded
Valkey and a folder for artifacts, all below `FORECASTLE_HOME` (`./var`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml.compute import check_address
from ml.environment import check_production, read_environment
from ml.errors import ConfigurationError
from ml.grains import GRAINS
from ml.logs import LogSettings

ROOT = Path(__file__).resolve().parent.parent
SOURCE_KEY_FILE = "sources.key"
"""Below the home folder: the key of the credentials of sources, where the environment gives none."""

TOKEN_KEY_FILE = "secret.key"  # noqa: S105
"""Below the home folder: the key that signs tokens, where the environment gives none."""

PARTITION_SERIES = 20_000
"""Places and products of a forecast's partition: 160 weeks of so many take about 2 GB while they are forecast."""

NEEDED = {
    "DATABASE_URL": "to say where the data is",
    "FORECASTLE_SECRET_KEY": "to encrypt the credentials of sources (python -m ml secret-key)",
}
"""Without what production does not start, and what for."""


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


def read_share(env: Mapping[str, str], name: str, default: float) -> float:
    """A share from 0 up to, but not including, 1; raises ConfigurationError for anything else."""
    text = env.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ConfigurationError(f"{name} is {text!r}; expected a share from 0 to below 1, such as {default:g}.")
    return value


def read_list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The parts of a setting that are separated by commas."""
    return tuple(part.strip() for part in env.get(name, "").split(",") if part.strip())


def read_grains(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The grains that are forecast, in the order of GRAINS; all where none is named."""
    named = read_list(env, name)
    if unknown := [grain for grain in named if grain not in GRAINS]:
        raise ConfigurationError(f"{name} names {', '.join(unknown)}; expected some of {', '.join(GRAINS)}.")
    return tuple(grain for grain in GRAINS if not named or grain in named)


def read_choice(env: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """One of some words, the first unless asked otherwise; raises ConfigurationError for anything else."""
    text = env.get(name, "").strip() or known[0]
    if text not in known:
        raise ConfigurationError(f"{name} is {text!r}; expected one of {', '.join(known)}.")
    return text


CHOOSE_BY = ("wql", "stock_cost")
"""What models are chosen by: see `ml.evaluation.selection.LOSSES`."""


@dataclass(frozen=True)
class ModelRules:
    """When a new model version replaces the one that serves, and how long artifacts are kept.

    Models are chosen by `choose_by`. A new one has to win by `margin` (a share of that), unless the sales that the
    champion learned from end `champion_days` or more before the newest ones. Artifacts of the newest `keep` versions
    are kept, and of those that served within `keep_champion_days`. Of more than `most_series` places and products
    training learns from a sample. `mlflow_uri` is where versions are
    logged as well; '' for nowhere.
    """

    margin: float = 0.01
    champion_days: int = 90
    keep: int = 10
    keep_champion_days: int = 180
    mlflow_uri: str = ""
    mlflow_experiment: str = "forecastle"
    choose_by: str = CHOOSE_BY[0]
    most_series: int = 100_000

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> ModelRules:
        """Read them from the environment."""
        return cls(
            margin=read_share(env, "FORECASTLE_PROMOTE_MARGIN", cls.margin),
            champion_days=read_int(env, "FORECASTLE_CHAMPION_DAYS", cls.champion_days),
            keep=read_int(env, "FORECASTLE_KEEP_MODELS", cls.keep),
            keep_champion_days=read_int(env, "FORECASTLE_KEEP_CHAMPION_DAYS", cls.keep_champion_days),
            mlflow_uri=env.get("MLFLOW_TRACKING_URI", "").strip(),
            mlflow_experiment=env.get("MLFLOW_EXPERIMENT_NAME", "").strip() or cls.mlflow_experiment,
            choose_by=read_choice(env, "FORECASTLE_CHOOSE_BY", CHOOSE_BY),
            most_series=read_int(env, "FORECASTLE_TRAIN_SERIES", cls.most_series),
        )


@dataclass(frozen=True)
class Settings:
    """Where data and models live, how much of the machine may be used, and what sources of data may reach.

    `secret_keys` encrypt the credentials of sources (`ml.secrets`): the first one encrypts, all of them decrypt.
    `allowed_hosts` are hosts of the inner network that HTTP sources may reach, with or without a port.
    `source_folders` are the folders in which SQLite files may be read as sources. `keep_uploads_days` is how long
    the files of imports are kept. `grains` are those that are forecast, `holidays` is the country (DE, or DE-BY with a
    part of it) whose public holidays are in the calendar of events ('': none). `compute_url` is the Dask scheduler
    whose workers share the work on many series ('': processes of this machine), `partition_series` how many places and
    products one worker forecasts at a time. `models` says when models are replaced, and `log` how processes log.
    """

    home: Path
    database_url: str = field(repr=False)
    artifact_url: str
    threads: int
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    allowed_hosts: tuple[str, ...] = ()
    source_folders: tuple[Path, ...] = ()
    keep_uploads_days: int = 365
    grains: tuple[str, ...] = tuple(GRAINS)
    holidays: str = ""
    compute_url: str = ""
    partition_series: int = PARTITION_SERIES
    models: ModelRules = ModelRules()
    log: LogSettings = field(default_factory=LogSettings)
    otlp_endpoint: str = ""  # of an OpenTelemetry collector; '': no traces
    sentry_dsn: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; `env` defaults to the process environment."""
        env = read_environment(env)
        check_production(env, NEEDED)
        home = Path(env.get("FORECASTLE_HOME", "").strip() or ROOT / "var").resolve()
        return cls(
            home=home,
            database_url=env.get("DATABASE_URL", "").strip() or f"sqlite:///{home / 'forecastle.db'}",
            artifact_url=env.get("ARTIFACT_URL", "").strip() or str(home / "artifacts"),
            threads=read_int(env, "FORECASTLE_THREADS", os.cpu_count() or 1),
            secret_keys=read_list(env, "FORECASTLE_SECRET_KEY") or _kept_key(home),
            allowed_hosts=tuple(host.lower() for host in read_list(env, "FORECASTLE_ALLOWED_HOSTS")),
            source_folders=tuple(Path(folder).resolve() for folder in read_list(env, "FORECASTLE_SOURCE_FOLDERS"))
            or (home / "sources",),
            keep_uploads_days=read_int(env, "FORECASTLE_KEEP_UPLOADS_DAYS", 365),
            grains=read_grains(env, "FORECASTLE_GRAINS"),
            holidays=env.get("FORECASTLE_HOLIDAYS", "").strip(),
            compute_url=check_address(env.get("COMPUTE_URL", "").strip()),
            partition_series=read_int(env, "FORECASTLE_PARTITION_SERIES", PARTITION_SERIES),
            models=ModelRules.from_env(env),
            otlp_endpoint=env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip(),
            sentry_dsn=env.get("SENTRY_DSN", "").strip(),
            log=LogSettings.from_env(env, _kept_key(home) + _kept_key(home, TOKEN_KEY_FILE)),
        )


def _kept_key(home: Path, name: str = SOURCE_KEY_FILE) -> tuple[str, ...]:
    """A key that the supervisor made for this installation; none where there is none yet."""
    file = home / name
    return (file.read_text().strip(),) if file.is_file() else ()
