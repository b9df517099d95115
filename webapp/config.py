"""Settings of the web app, read strictly from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ml.db.session import engine_options, parse_url
from ml.environment import check_production, read_environment, read_kind
from ml.errors import ConfigurationError
from ml.settings import TOKEN_KEY_FILE, Settings, read_bool, read_int
from worker.settings import WorkerSettings

MEGABYTE = 1 << 20
SECRET_LENGTH = 32
TOKEN_LENGTH = 16
COMPRESSED = [
    *("application/json", "application/problem+json", "application/x-ndjson", "text/csv"),
    *("text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"),
]
"""What is compressed: texts. The token that pages hold is under another mask each time (webapp.auth.csrf)."""
REGISTRATION = ("invitation", "open", "closed")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")


@dataclass(frozen=True)
class WebSettings:
    """What the web app needs to know beside the engine's settings.

    `secret_key` is '' where there is none yet: commands work without it, requests do not.
    """

    engine: Settings
    secret_key: str = field(repr=False)
    redis_url: str = field(repr=False)
    timezone: ZoneInfo
    https: bool
    proxies: int
    max_upload: int  # bytes
    access_lifetime: timedelta
    session_lifetime: timedelta
    registration: str
    cors_origins: tuple[str, ...]
    reads_per_minute: int  # of one route, by one sign-in or token
    writes_per_minute: int
    metrics_token: str = field(repr=False)  # of who may read /metrics; '' for nobody
    override_approval: bool  # whether a second person has to approve overrides

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> WebSettings:
        """Read the settings; `env` defaults to the process environment."""
        env = read_environment(env)
        engine, worker = Settings.from_env(env), WorkerSettings.from_env(env)
        return cls(
            engine=engine,
            secret_key=read_secret(env, engine),
            redis_url=worker.redis_url,
            timezone=worker.timezone,
            https=read_bool(env, "FORECASTLE_HTTPS"),
            proxies=read_int(env, "FORECASTLE_PROXIES", 0, minimum=0),
            max_upload=read_int(env, "MAX_UPLOAD_MB", 200) * MEGABYTE,
            access_lifetime=timedelta(minutes=read_int(env, "ACCESS_TOKEN_MINUTES", 15)),
            session_lifetime=timedelta(hours=read_int(env, "SESSION_HOURS", 7 * 24)),
            registration=read_choice(env, "REGISTRATION", REGISTRATION),
            cors_origins=read_origins(env),
            reads_per_minute=read_int(env, "API_READS_PER_MINUTE", 600),
            writes_per_minute=read_int(env, "API_WRITES_PER_MINUTE", 120),
            metrics_token=read_metrics_token(env),
            override_approval=read_bool(env, "OVERRIDE_APPROVAL"),
        )

    def flask_config(self) -> dict[str, Any]:
        """The settings under the names that Flask and its extensions read."""
        url = self.engine.database_url
        return {
            "SECRET_KEY": self.secret_key,
            "MAX_CONTENT_LENGTH": self.max_upload,
            "MAX_FORM_MEMORY_SIZE": MEGABYTE,
            "MAX_FORM_PARTS": 100,
            "SQLALCHEMY_DATABASE_URI": parse_url(url),
            "SQLALCHEMY_ENGINE_OPTIONS": engine_options(url),
            "COMPRESS_MIMETYPES": COMPRESSED,
            "COMPRESS_ALGORITHM": ["br", "gzip"],
            "COMPRESS_STREAMS_ALGORITHM": ["gzip"],
            "JWT_SECRET_KEY": self.secret_key,
            "JWT_ALGORITHM": "HS256",
            "JWT_DECODE_ALGORITHMS": ["HS256"],
            "JWT_ACCESS_TOKEN_EXPIRES": self.access_lifetime,
            "JWT_REFRESH_TOKEN_EXPIRES": self.session_lifetime,
            "JWT_TOKEN_LOCATION": ["headers", "cookies"],
            "JWT_COOKIE_CSRF_PROTECT": False,  # webapp.auth.csrf checks a token of the session instead
            "JWT_COOKIE_SECURE": self.https,
            "JWT_COOKIE_SAMESITE": "Lax",
            "JWT_SESSION_COOKIE": False,
        }


def read_choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of some words, the first by default."""
    found = env.get(name, "").strip() or choices[0]
    if found not in choices:
        raise ConfigurationError(f"{name} is {found!r}; expected one of {', '.join(choices)}.")
    return found


def read_origins(env: Mapping[str, str]) -> tuple[str, ...]:
    """The sites whose scripts may call the API, each as a browser names it: scheme, host and port, nothing else."""
    origins = tuple(part.strip() for part in env.get("CORS_ORIGINS", "").split(",") if part.strip())
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ConfigurationError(f"CORS_ORIGINS names {origin!r}; expected sites such as https://bi.example.com.")
    return origins


def read_metrics_token(env: Mapping[str, str]) -> str:
    """The token of who may read /metrics; '' where nobody may."""
    token = env.get("METRICS_TOKEN", "").strip()
    if token:
        check_production(env, {"METRICS_TOKEN": "to know who may read metrics"})
    if token and len(token) < TOKEN_LENGTH:
        raise ConfigurationError(f"METRICS_TOKEN has {len(token)} characters; expected at least {TOKEN_LENGTH}.")
    return token


def read_secret(env: Mapping[str, str], engine: Settings) -> str:
    """The key that signs tokens: SECRET_KEY, or what the supervisor keeps in `<home>/secret.key`.

    Production takes it from the environment only, so that all web processes share one.
    """
    check_production(env, {"SECRET_KEY": "to sign tokens, the same for all web processes"})
    secret = env.get("SECRET_KEY", "").strip()
    if secret and len(secret) < SECRET_LENGTH:
        raise ConfigurationError(
            f"SECRET_KEY has {len(secret)} characters; expected at least {SECRET_LENGTH} random ones."
        )
    file = engine.home / TOKEN_KEY_FILE
    kept = file.read_text().strip() if read_kind(env) != "production" and file.is_file() else ""
    return secret or kept
