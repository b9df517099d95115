"""Tokens that mean nothing by themselves: random text, of which the database keeps a hash."""

from __future__ import annotations

import secrets

from ml.db.keys import hash_key

REFRESH, SERVICE, INVITATION = "fcr_", "fct_", "fci_"
"""How tokens begin, so that people and scanners of repositories know what they found."""

BYTES = 32


def new_token(prefix: str) -> str:
    """A new token of 256 random bits."""
    return prefix + secrets.token_urlsafe(BYTES)


def token_hash(token: str) -> bytes:
    """What is kept of a token. It needs no salt and no slow hash: nobody guesses 256 random bits."""
    return hash_key("token", token)
