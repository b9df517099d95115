"""Where to go after signing in."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def safe_next(target: str | None, default: str = "/") -> str:
    """`target` where it is a path of this site, else `default`.

    Browsers read "//host", "/\\host" and control characters as another site's address.
    """
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if "\\" in target or any(ord(character) < 33 for character in target):
        return default
    parts = split_url(target)
    return default if parts.scheme or parts.netloc else target


def split_url(text: str) -> SplitResult:
    """The parts of an address that a request names; all empty where it is none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")
