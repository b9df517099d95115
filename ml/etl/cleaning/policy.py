"""The cleaning policy: what is done to sales before they are learned from. Light: pages and the API read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.cleaning import CleaningPolicy
from ml.errors import DataError

SALES = "sales"

CHOICES: dict[str, dict[str, str]] = {
    "gaps": {
        "zero": "A period without sales counts as zero.",
        "none": "A period without sales is unknown: nothing is learned from it.",
        "interpolate": "A period without sales lies on the line between its neighbours.",
    },
    "returns": {
        "net": "Returns reduce the sales of their period.",
        "ignore": "Returns are left out: what was sold first counts as demand.",
    },
    "outliers": {
        "flag": "Outliers are shown; only those that a person accepts are corrected.",
        "correct": "The corrected value is learned from, unless a person dismisses it.",
        "off": "Outliers are not looked for.",
    },
    "stockouts": {
        "censor": "Sales of a period partly without stock are scaled up; with next to none they are left out.",
        "off": "Stock levels are not looked at.",
    },
}
"""What each setting may be, and what that means; the first is the default."""

LOWEST, HIGHEST = 1.0, 100.0


@dataclass(frozen=True)
class CleaningSettings:
    """A policy. The defaults change nothing where no stock history is known.

    `threshold` is in robust standard deviations: 3.5 as Iglewicz and Hoaglin (1993) recommend.
    """

    gaps: str = "zero"
    returns: str = "net"
    outliers: str = "flag"
    stockouts: str = "censor"
    threshold: float = 3.5

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise DataError(f"cleaning setting {name}: expected one of {', '.join(choices)}, found {value!r}.")
        number = self.threshold
        if isinstance(number, bool) or not isinstance(number, int | float) or not LOWEST <= number <= HIGHEST:
            raise DataError(
                f"cleaning setting threshold: expected a number from {LOWEST:g} to {HIGHEST:g}, found {number!r}."
            )

    def applies(self, kind: str, verdict: str) -> bool:
        """Whether what a flag of that kind and verdict corrects is learned from."""
        if kind == "error":
            return verdict == "accepted"
        mode = {"outlier": self.outliers, "stockout": self.stockouts}[kind]
        if mode == "off":
            return False
        return verdict == "accepted" if mode == "flag" else verdict != "dismissed"

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The policy that JSON tells; what is left out has its default. Raises DataError naming the key."""
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in settings if name not in known]:
            raise DataError(f"cleaning setting {unknown[0]}: there is none of that name; expected {', '.join(known)}.")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """All settings as JSON values."""
        return asdict(self)


DEFAULT = CleaningSettings()


def current(session: Session, dataset: str = SALES) -> CleaningPolicy | None:
    """The row of the policy that holds; None where nobody has set one, so that the defaults hold."""
    rows = sa.select(CleaningPolicy).where(CleaningPolicy.dataset == dataset)
    return session.scalar(rows.order_by(CleaningPolicy.id.desc()).limit(1))


def read_settings(session: Session, dataset: str = SALES) -> CleaningSettings:
    """The settings that hold for a data set."""
    row = current(session, dataset)
    return DEFAULT if row is None else CleaningSettings.from_dict(row.settings)
