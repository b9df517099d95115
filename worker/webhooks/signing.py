"""Signatures of what is sent, by which a receiver knows that it is ours, whole and new.

The header is `t=<seconds since 1970>,v1=<hex>`, where v1 is HMAC-SHA256 of "<t>.<body>" under the endpoint's secret;
while a secret is being replaced there is a second v1 of the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

HEADER = "Forecastle-Signature"


def new_secret() -> str:
    """A secret of 256 bits."""
    return "whsec_" + secrets.token_urlsafe(32)


def signature(keys: Sequence[str], timestamp: int, body: bytes) -> str:
    """The header for a body under each of the secrets."""
    signed = f"{timestamp}.".encode() + body
    return ",".join(
        [f"t={timestamp}", *(f"v1={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}" for key in keys)]
    )
