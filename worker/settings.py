"""Settings of the processes that run jobs, on top of the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml.environment import read_environment
from ml.errors import ConfigurationError
from ml.settings import Settings, read_int
from worker.mail import MailSettings
from worker.queues import QUEUES
from worker.retention import Retention


def read_seconds(env: Mapping[str, str], name: str, default: float, *, none: bool = False) -> float:
    """A duration; raises ConfigurationError where it is no positive number, or 0 where `none` allows that."""
    text = env.get(name, "").strip() or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 < value < float("inf") or (none and value == 0)):
        raise ConfigurationError(f"{name} is {text!r}; expected a number of seconds above 0, such as {default:g}.")
    return value


def read_queues(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Names of queues, separated by commas, in the order of QUEUES; all of them where none is named."""
    wanted = {part.strip() for part in env.get(name, "").split(",") if part.strip()}
    if unknown := wanted.difference(QUEUES):
        raise ConfigurationError(f"{name} names {', '.join(sorted(unknown))}; expected some of {', '.join(QUEUES)}.")
    return tuple(queue for queue in QUEUES if not wanted or queue in wanted)


def read_timezone(env: Mapping[str, str], name: str) -> ZoneInfo:
    """A time zone of the IANA database; UTC where none is named."""
    text = env.get(name, "").strip() or "UTC"
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"{name} is {text!r}; expected a name such as UTC or Europe/Berlin.") from None


@dataclass(frozen=True)
class WorkerSettings:
    """How jobs are moved, watched and retried. Durations are in seconds.

    A worker beats every `heartbeat_seconds` for the job it runs; silence of `lost_after_seconds`
    means that the job is lost. A worker that is told to stop gives its job `drain_seconds` to end. Totals have to
    be at rest for `quiet_seconds` before they are forecast. `memory_mb` is what a job may have, whatever its kind
    (None: what its kind may have).
    """

    ml: Settings
    redis_url: str = field(repr=False)
    queues: tuple[str, ...]
    timezone: ZoneInfo
    poll_seconds: float
    heartbeat_seconds: int
    lost_after_seconds: float
    reconcile_seconds: float
    drain_seconds: float
    backoff_seconds: float
    quiet_seconds: float
    memory_mb: int | None
    mail: MailSettings
    retention: Retention

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> WorkerSettings:
        """Read the settings; `env` defaults to the process environment."""
        env = read_environment(env)
        ml = Settings.from_env(env)
        heartbeat = read_int(env, "FORECASTLE_HEARTBEAT_SECONDS", 3)
        lost_after = read_seconds(env, "FORECASTLE_LOST_AFTER_SECONDS", 15.0)
        if lost_after < 2 * heartbeat:
            raise ConfigurationError(
                f"FORECASTLE_LOST_AFTER_SECONDS is {lost_after:g}; expected at least twice "
                f"FORECASTLE_HEARTBEAT_SECONDS ({heartbeat}), or one late heartbeat counts as a lost job."
            )
        return cls(
            ml=ml,
            redis_url=env.get("REDIS_URL", "").strip() or _embedded_redis(ml),
            queues=read_queues(env, "FORECASTLE_QUEUES"),
            timezone=read_timezone(env, "FORECASTLE_TIMEZONE"),
            poll_seconds=read_seconds(env, "FORECASTLE_POLL_SECONDS", 0.25),
            heartbeat_seconds=heartbeat,
            lost_after_seconds=lost_after,
            reconcile_seconds=read_seconds(env, "FORECASTLE_RECONCILE_SECONDS", 15.0),
            drain_seconds=read_seconds(env, "FORECASTLE_DRAIN_SECONDS", 20.0),
            backoff_seconds=read_seconds(env, "FORECASTLE_BACKOFF_SECONDS", 5.0),
            quiet_seconds=read_seconds(env, "FORECASTLE_QUIET_SECONDS", 3.0, none=True),
            memory_mb=read_int(env, "FORECASTLE_JOB_MEMORY_MB", 0, minimum=0) or None,
            mail=MailSettings.from_env(env),
            retention=Retention.from_env(env),
        )


def _embedded_redis(ml: Settings) -> str:
    """The address of the embedded server, which only it knows: long paths need another socket."""
    from worker import valkey  # noqa: PLC0415  (imports the Redis client)

    return valkey.url(ml.home)
