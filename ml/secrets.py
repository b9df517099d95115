"""Credentials of sources: encrypted in the database, and taken out of whatever is shown or logged."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from ml.errors import ConfigurationError

MASK = "***"
SHORTEST = 4
"""Shorter secrets are not looked for in texts: 'a' would be masked everywhere."""

USERINFO = re.compile(r"(?<=//)([^/\s:@]*):[^/\s@]*@")


class Secret(dict[str, str]):
    """Credentials by name, such as {"password": …}; never shows its values."""

    def __repr__(self) -> str:
        return f"Secret({', '.join(f'{name}={MASK}' for name in self)})"

    __str__ = __repr__


def generate_key() -> str:
    """A new key for FORECASTLE_SECRET_KEY."""
    from cryptography.fernet import Fernet  # noqa: PLC0415  (loads a large library that few requests need)

    return Fernet.generate_key().decode()


def encrypt(keys: Sequence[str], secret: Mapping[str, str]) -> str | None:
    """Credentials as a token that only the holders of the first key can read; None where there are none."""
    if not secret:
        return None
    return str(_cipher(keys).encrypt(json.dumps(dict(secret)).encode()).decode())


def decrypt(keys: Sequence[str], token: str | None) -> Secret:
    """The credentials in a token, whichever of the keys made it; ConfigurationError where none of them did."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415

    if not token:
        return Secret()
    try:
        return Secret(json.loads(_cipher(keys).decrypt(token.encode())))
    except InvalidToken:
        raise ConfigurationError(
            "the stored credentials cannot be decrypted: none of the keys in FORECASTLE_SECRET_KEY made them. "
            "Add the earlier key after the new one, or enter the credentials again."
        ) from None


def scrub(text: str, secret: Mapping[str, str] | Iterable[str] = ()) -> str:
    """`text` without passwords of addresses, and without the given secrets in any spelling that an address has."""
    values = secret.values() if isinstance(secret, Mapping) else secret
    for value in sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True):
        for spelling in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
            text = text.replace(spelling, MASK)
    return USERINFO.sub(rf"\1:{MASK}@", text)


def _cipher(keys: Sequence[str]) -> Any:
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

    if not keys:
        raise ConfigurationError(
            "FORECASTLE_SECRET_KEY is not set, so credentials cannot be stored or read. Set it to a key, the same for "
            "web and workers, from: python -m ml secret-key"
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ConfigurationError(
            "FORECASTLE_SECRET_KEY holds something that is no key (32 bytes in URL-safe base64; several are separated "
            "by commas, the newest first). Make one with: python -m ml secret-key"
        ) from None


def main(_arguments: Sequence[str]) -> int:
    """`python -m ml secret-key`."""
    sys.stdout.write(generate_key() + "\n")
    return 0
