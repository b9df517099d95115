"""Yes and no as people and programs write them."""

from __future__ import annotations

TRUE = frozenset(
    (
        "yes",
        "y",
        "true",
        "t",
        "1",
        "1.0",
        "on",
        "x",
        "ja",
        "j",
        "wahr",
        "waar",
        "oui",
        "o",
        "vrai",
        "sí",
        "si",
        "s",
        "verdadero",
    )
)
FALSE = frozenset(
    ("no", "n", "false", "f", "0", "0.0", "off", "-", "nein", "falsch", "nee", "onwaar", "non", "faux", "falso")
)
MORE: dict[str, dict[str, bool]] = {
    "paperless": {"electronic": True, "paperless": True, "digital": True, "email": True, "e-mail": True}
    | {"paper": False, "post": False, "mail": False, "print": False}
}
"""What says yes and no of one field alone."""


def parse_flag(text: str, field: str = "") -> bool | None:
    """Whether a text says yes or no of a field; None where it says neither."""
    word = text.strip().casefold()
    if word in TRUE:
        return True
    return False if word in FALSE else MORE.get(field, {}).get(word)
