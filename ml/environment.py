"""The process environment as settings are read from it: secrets may lie in files, and production takes no weak ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ml.errors import ConfigurationError

ENVIRONMENTS = ("embedded", "production")

SECRETS = (
    "SECRET_KEY",
    "FORECASTLE_SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "METRICS_TOKEN",
    "SENTRY_DSN",
    "FORECASTLE_SMTP_URL",
    "FORECASTLE_SMTP_PASSWORD",
)
"""Settings that are secret or may hold a secret: each can be given as a file, NAME_FILE, and is kept out of logs."""

PASSWORDS = {
    "DATABASE_PASSWORD": "DATABASE_URL",
    "REDIS_PASSWORD": "REDIS_URL",
    "FORECASTLE_SMTP_PASSWORD": "FORECASTLE_SMTP_URL",
}
"""Passwords that are put into an address, so that the address need not be a secret itself."""

DEFAULTS = ("change", "example", "secret", "password", "passw0rd", "default", "insecure", "placeholder", "letmein")
"""Words of which made-up secrets are made; no random key holds one."""

FEWEST_CHARACTERS = 8
"""Different ones, that is; a random key has more."""


def read_environment(env: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """`env` (the process environment by default) with the secrets that lie in files, and addresses with passwords.

    Raises ConfigurationError for a file that cannot be read, and where a secret is given twice.
    """
    found = dict(os.environ if env is None else env)
    for name in SECRETS:
        file = found.pop(f"{name}_FILE", "").strip()
        if not file:
            continue
        if found.get(name, "").strip():
            raise ConfigurationError(f"{name} and {name}_FILE are both set; expected one of them.")
        found[name] = read_file(name, Path(file))
    for name, address in PASSWORDS.items():
        password = found.pop(name, "").strip()
        if password:
            found[address] = with_password(found.get(address, "").strip(), password, name, address)
    return found


def read_file(name: str, path: Path) -> str:
    """The secret in a file, without the line end that editors add."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}_FILE is {path}, which cannot be read: {error}.") from None
    if not text:
        raise ConfigurationError(f"{name}_FILE is {path}, which is empty; expected the secret in it.")
    return text


def with_password(url: str, password: str, name: str, address: str) -> str:
    """An address with a password in it; raises ConfigurationError where there is no place for one."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ConfigurationError(f"{name} is set, but {address} names no server; expected an address with a host.")
    if parts.password:
        raise ConfigurationError(f"{name} is set, and {address} holds a password, too; expected one of them.")
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}").geturl()


def read_kind(env: Mapping[str, str]) -> str:
    """What kind of installation this is: one of ENVIRONMENTS, the first by default."""
    found = env.get("FORECASTLE_ENV", "").strip() or ENVIRONMENTS[0]
    if found not in ENVIRONMENTS:
        raise ConfigurationError(f"FORECASTLE_ENV is {found!r}; expected one of {', '.join(ENVIRONMENTS)}.")
    return found


def check_production(env: Mapping[str, str], needed: Mapping[str, str]) -> None:
    """In production, refuse secrets that are missing, or that anybody could guess. `needed` says what each is for."""
    if read_kind(env) != "production":
        return
    for name, purpose in needed.items():
        value = env.get(name, "").strip()
        if not value:
            raise ConfigurationError(
                f"{name} is not set; production needs it {purpose}. It may lie in a file: {name}_FILE."
            )
        check_strength(name, value)


def check_strength(name: str, value: str) -> None:
    """Refuse a secret, or an address with a password, that looks made up."""
    if name in PASSWORDS.values():
        value = password(value)
        if not value:
            return  # a file, or a server that knows the caller in another way (Kerberos, a managed identity)
    word = next((word for word in DEFAULTS if word in value.lower()), None)
    if word is not None or len(set(value)) < min(FEWEST_CHARACTERS, len(value)):
        found = f"holds {word!r}" if word else f"has {len(set(value))} different characters"
        raise ConfigurationError(
            f"{name} looks like a default: it {found}. Production needs a random one, for instance from: "
            'python -c "import secrets; print(secrets.token_hex(32))"'
        )


def secrets_of(env: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets that the environment holds, as logs must not show them: of addresses, their passwords."""
    found = [env.get(name, "").strip() for name in SECRETS if name not in PASSWORDS.values()]
    found += [password(env.get(address, "")) for address in PASSWORDS.values()]
    found += env.get("FORECASTLE_SECRET_KEY", "").split(",")
    return tuple(text.strip() for text in found if text.strip())


def password(url: str) -> str:
    """The password in an address; '' where there is none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""
