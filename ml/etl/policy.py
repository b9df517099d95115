"""Policies: which rows an import may leave out, and what refuses it as a whole. Light: pages and API read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import Any, Literal, cast, get_args

from ml.db.keys import normalise
from ml.errors import MappingError
from ml.etl.datasets import SALES, Dataset

Unknown = Literal["create", "reject"]
Then = Literal["warn", "refuse"]
Duplicates = Literal["keep", "drop", "refuse"]
Range = tuple[float | None, float | None]

PLANNED = {"starts_on", "ends_on", "due_on", "expected_on", "needed_on"}
"""Dates that are meant to lie ahead; `max_days_ahead` is not for them."""
PLANNED_DAYS = 3_660
EARLIEST = date(1970, 1, 1)


class PolicyError(MappingError):
    """A policy has a key that there is not, or a value that it cannot have."""

    code = "bad-policy"


@dataclass(frozen=True)
class Volume:
    """What is sudden: fewer rows, or less of an amount, than `drop` times the median of earlier imports of the
    same source, or more than `jump` times."""

    drop: float = 0.5
    jump: float = 3.0
    then: Then = "warn"


@dataclass(frozen=True)
class Policy:
    """What is checked beside the types of cells. The defaults load all good rows and refuse nothing.

    Of rows that cannot be loaded, more than `max_rejected_share` of all or more than `max_rejected_rows` refuse
    the import. `max_days_ahead` and `earliest_date` bound dates, `ranges` numbers by field, both ends included.
    Codes are renamed by `product_map` and `area_map` before unknown ones are made or rejected. A newest date older
    than `max_age_days` is stale. `duplicates` are equal rows of one file.
    """

    max_rejected_share: float = 1.0
    max_rejected_rows: int | None = None
    max_days_ahead: int = 366
    earliest_date: date | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    unknown_products: Unknown = "create"
    unknown_areas: Unknown = "create"
    product_map: Mapping[str, str] = field(default_factory=dict)
    area_map: Mapping[str, str] = field(default_factory=dict)
    max_age_days: int | None = None
    stale: Then = "warn"
    volume: Volume | None = Volume()
    duplicates: Duplicates = "keep"

    @classmethod
    def from_dict(cls, said: Mapping[str, Any] | None, dataset: Dataset = SALES) -> Policy:
        """The policy that JSON gives, keys that are left out being the defaults.

        Raises PolicyError that names the key, what it holds and what was expected.
        """
        if unknown := sorted(set(said or {}) - set(READERS)):
            raise PolicyError(f"the policy has an unknown key {unknown[0]!r}; expected some of {', '.join(READERS)}.")
        policy = cls(**{key: READERS[key](key, value) for key, value in (said or {}).items()})
        numbers = [known.name for known in dataset.fields if known.kind == "number"]
        if wrong := sorted(set(policy.ranges) - set(numbers)):
            expected = f"expected some of {', '.join(numbers)}" if numbers else "it has none"
            raise PolicyError(f"the policy's ranges name {wrong[0]!r}, no number field of {dataset.label}; {expected}.")
        return policy

    def to_dict(self) -> dict[str, Any]:
        """JSON values, of what differs from the defaults alone."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {key: _plain(value) for key, value in given.items() if value != getattr(DEFAULT, key)}

    def latest(self, name: str, today: date) -> date:
        """The last day that a date field may hold."""
        return today + timedelta(days=PLANNED_DAYS if name in PLANNED else self.max_days_ahead)

    def earliest(self, name: str) -> date:
        """The first day that a date field may hold."""
        return EARLIEST if name in PLANNED else max(self.earliest_date or EARLIEST, EARLIEST)


def _share(key: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        raise _wrong(key, value, "a share from 0 to 1")
    return float(value)


def _count(key: str, value: Any, least: int = 0, most: int = 1_000_000_000) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(key, value, f"a whole number from {least:,} to {most:,}")
    return value


def _optional_count(key: str, value: Any) -> int | None:
    return None if value is None else _count(key, value)


def _days(key: str, value: Any) -> int:
    return _count(key, value, most=PLANNED_DAYS)


def _age(key: str, value: Any) -> int | None:
    return None if value is None else _days(key, value)


def _date(key: str, value: Any) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(key, value, "a date such as 2020-01-31") from None


def _ranges(key: str, value: Any) -> dict[str, Range]:
    return {name: _range(f"{key}.{name}", span) for name, span in _object(key, value).items()}


def _range(key: str, value: Any) -> Range:
    good = isinstance(value, list | tuple) and len(value) == 2
    if not good or not all(end is None or _is_number(end) for end in value):
        raise _wrong(key, value, "[least, most], null for none")
    least, most = value
    if least is not None and most is not None and least > most:
        raise _wrong(key, value, "the least before the most")
    return least, most


def _names(key: str, value: Any) -> dict[str, str]:
    given = _object(key, value)
    if bad := [known for known in given.values() if not isinstance(known, str) or not known.strip()]:
        raise _wrong(key, bad[0], "a code for each code that is replaced")
    return {normalise(said): normalise(known) for said, known in given.items()}


def _volume(key: str, value: Any) -> Volume | None:
    if value is None:
        return None
    given = _object(key, value)
    if unknown := sorted(set(given) - {"drop", "jump", "then"}):
        raise _wrong(key, unknown[0], "some of drop, jump, then")
    if not _is_number(drop := given.get("drop", 0.5)) or not 0 <= drop <= 1:
        raise _wrong("volume.drop", drop, "a share of the usual volume from 0 to 1")
    if not _is_number(jump := given.get("jump", 3.0)) or jump < 1:
        raise _wrong("volume.jump", jump, "a multiple of the usual volume, at least 1")
    return Volume(float(drop), float(jump), _one_of(Then)("volume.then", given.get("then", "warn")))


def _object(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _wrong(key, value, "an object")
    return value


def _one_of(choices: Any) -> Callable[[str, Any], Any]:
    def read(key: str, value: Any) -> Any:
        if value not in get_args(choices):
            raise _wrong(key, value, f"one of {', '.join(get_args(choices))}")
        return value

    return read


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(key: str, value: Any, expected: str) -> PolicyError:
    return PolicyError(f"the policy's {key} is {value!r}; expected {expected}.")


def _plain(value: Any) -> Any:
    if isinstance(value, Volume):
        return {"drop": value.drop, "jump": value.jump, "then": value.then}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


READERS = cast(
    dict[str, Callable[[str, Any], Any]],
    {
        "max_rejected_share": _share,
        "max_rejected_rows": _optional_count,
        "max_days_ahead": _days,
        "earliest_date": _date,
        "ranges": _ranges,
        "unknown_products": _one_of(Unknown),
        "unknown_areas": _one_of(Unknown),
        "product_map": _names,
        "area_map": _names,
        "max_age_days": _age,
        "stale": _one_of(Then),
        "volume": _volume,
        "duplicates": _one_of(Duplicates),
    },
)
"""How each key of the JSON is read."""

DEFAULT = Policy()
