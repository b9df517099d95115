"""Passwords: hashed with argon2id, and checked in the same time whether the account exists or not."""

from __future__ import annotations

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MINIMUM_LENGTH = 10
MAXIMUM_LENGTH = 200  # hashing a megabyte of password is work for nothing

_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106 for machines with little memory


def hash_password(password: str) -> str:
    """The hash to store; raises ValueError for a password that is too short or too long."""
    if not MINIMUM_LENGTH <= len(password) <= MAXIMUM_LENGTH:
        raise ValueError(f"the password has {len(password)} characters; expected {MINIMUM_LENGTH} to {MAXIMUM_LENGTH}.")
    return _hasher.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; None, for an account that does not exist, costs the same time."""
    if len(password) > MAXIMUM_LENGTH:
        return False
    try:
        _hasher.verify(password_hash or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def generate_password() -> str:
    """A random password of about 100 bits that can be typed."""
    return secrets.token_urlsafe(13)


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_urlsafe())
