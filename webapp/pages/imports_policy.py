"""What an import refuses, as inputs of a form: thresholds of the policy that people set most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.etl.datasets import Dataset
from ml.etl.policy import Policy

PREFIX = "policy."
UNKNOWN = {"create": "Load them", "reject": "Reject the row"}
DUPLICATES = {"keep": "Keep them: they are true sales", "drop": "Keep one of them", "refuse": "Refuse the import"}
THEN = {"warn": "Say so, and load", "refuse": "Refuse the import"}


def policy_inputs(said: Mapping[str, Any] | None, dataset: Dataset) -> dict[str, str]:
    """The policy of an import of a data set as texts by input. Raises PolicyError."""
    policy = Policy.from_dict(said, dataset)
    volume = policy.volume
    return {
        "max_rejected_percent": plain(policy.max_rejected_share * 100),
        "max_rejected_rows": plain(policy.max_rejected_rows),
        "max_days_ahead": plain(policy.max_days_ahead),
        "earliest_date": policy.earliest_date.isoformat() if policy.earliest_date else "",
        "unknown_products": policy.unknown_products,
        "unknown_areas": policy.unknown_areas,
        "duplicates": policy.duplicates,
        "max_age_days": plain(policy.max_age_days),
        "stale": policy.stale,
        "volume_drop": plain(volume.drop * 100 if volume else None),
        "volume_jump": plain(volume.jump if volume else None),
        "volume_then": volume.then if volume else "warn",
        "product_map": as_lines(policy.product_map),
        "area_map": as_lines(policy.area_map),
    }


def policy_of(values: Mapping[str, str], before: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The policy that the form says, with what it does not show taken from `before`; None where none was sent."""
    sent = {name.removeprefix(PREFIX): text.strip() for name, text in values.items() if name.startswith(PREFIX)}
    if not sent:
        return None
    kept = {name: value for name, value in (before or {}).items() if name == "ranges"}
    share = number(sent.get("max_rejected_percent", ""))
    said: dict[str, Any] = {
        "max_rejected_share": share / 100 if isinstance(share, int | float) else share,
        "max_rejected_rows": number(sent.get("max_rejected_rows", "")),
        "max_days_ahead": number(sent.get("max_days_ahead", "")),
        "earliest_date": sent.get("earliest_date") or None,
        "max_age_days": number(sent.get("max_age_days", "")),
        "product_map": from_lines(sent.get("product_map", "")),
        "area_map": from_lines(sent.get("area_map", "")),
        **{name: sent[name] for name in ("unknown_products", "unknown_areas", "duplicates", "stale") if name in sent},
    }
    given: dict[str, Any] = {name: value for name, value in said.items() if value not in (None, "", {})}
    return {**kept, **given, "volume": volume_of(sent)}


def volume_of(sent: Mapping[str, str]) -> dict[str, Any] | None:
    """What counts as sudden; None where both limits were left empty."""
    drop, jump = number(sent.get("volume_drop", "")), number(sent.get("volume_jump", ""))
    if drop == "" and jump == "":
        return None
    given = {"drop": drop / 100 if isinstance(drop, int | float) else drop, "jump": jump}
    return {name: value for name, value in given.items() if value != ""} | {"then": sent.get("volume_then", "warn")}


def number(text: str) -> int | float | str:
    """A number where it is one; other text as it was typed, for the check to name."""
    try:
        found = float(text)
    except ValueError:
        return text
    return int(found) if found.is_integer() else found


def plain(value: float | None) -> str:
    """A number as an input shows it."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def as_lines(names: Mapping[str, str]) -> str:
    """Codes that are replaced, one a line: said = known."""
    return "\n".join(f"{said} = {known}" for said, known in names.items())


def from_lines(text: str) -> dict[str, str]:
    """The codes that lines of `said = known` replace."""
    pairs = (line.partition("=") for line in text.splitlines() if line.strip())
    return {said.strip(): known.strip() for said, _, known in pairs}
