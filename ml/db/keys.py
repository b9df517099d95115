"""Natural keys as 128-bit hashes: equal text gives an equal key on every database."""

from __future__ import annotations

import hashlib
import unicodedata

SEPARATOR = "\x1f"


def normalise(text: str) -> str:
    """Text as it is compared: composed Unicode, single spaces, none around it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def hash_key(*parts: object) -> bytes:
    """The 16-byte key of a sequence of values; None and '' are the same."""
    joined = SEPARATOR.join("" if part is None else str(part) for part in parts)
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()
