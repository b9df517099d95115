"""Verdicts on a checked file as a whole: too many rejected rows, true duplicates, stale dates, a sudden volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.etl.figures import Figures
from ml.etl.policy import Policy, Volume
from ml.etl.spool import Spool

EARLIER = 10
"""Imports of the same source that a volume is compared with."""
FEWEST = 3
"""With fewer earlier imports nobody can say what is usual."""


class Checked(Protocol):
    """A checked file, of sales or of records."""

    rows: Spool
    rejections: Spool
    figures: Figures
    repeated: int
    first_rejection: str
    last_date: date | None


@dataclass(frozen=True)
class Verdict:
    """What a check of a whole file says: `check` is one of rejected, duplicates, freshness and volume."""

    check: str
    message: str
    refuses: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def judge(session: Session, record: Import, checked: Checked, policy: Policy, today: date) -> list[Verdict]:
    """All that a policy has to say of a file; those that refuse it come first."""
    earlier = earlier_volumes(session, record) if policy.volume else []
    found = [
        *rejected(checked, policy),
        *duplicates(checked, policy),
        *freshness(checked.last_date, policy, today),
        *volume(volume_of(checked), earlier, policy.volume),
    ]
    return sorted(found, key=lambda verdict: not verdict.refuses)


def rejected(checked: Checked, policy: Policy) -> list[Verdict]:
    """Whether more rows are rejected than the policy lets pass."""
    bad, rows = checked.rejections.rows, checked.rejections.rows + checked.rows.rows
    if not bad:
        return []
    words = f"{bad:,} of {rows:,} rows cannot be loaded, the first for {checked.first_rejection}"
    if bad > policy.max_rejected_share * rows:
        allowed = f"{policy.max_rejected_share:.4g}".rstrip(".")
        return [Verdict("rejected", f"{words}; max_rejected_share allows a share of {allowed}", True)]
    if policy.max_rejected_rows is not None and bad > policy.max_rejected_rows:
        return [Verdict("rejected", f"{words}; max_rejected_rows allows {policy.max_rejected_rows:,}", True)]
    return []


def duplicates(checked: Checked, policy: Policy) -> list[Verdict]:
    """What happens to rows that repeat an earlier row of the same file."""
    if not checked.repeated or policy.duplicates == "keep":
        return []
    if policy.duplicates == "drop":
        return [
            Verdict("duplicates", f"{checked.repeated:,} rows repeat another row of the file and are left out", False)
        ]
    return [Verdict("duplicates", f"{checked.repeated:,} rows repeat another row of the file; none may", True)]


def freshness(newest: date | None, policy: Policy, today: date) -> list[Verdict]:
    """Whether the newest row is older than it may be."""
    if policy.max_age_days is None or newest is None or newest >= today - timedelta(days=policy.max_age_days):
        return []
    age = (today - newest).days
    message = f"the newest row is of {newest}, {age:,} days ago; expected at most {policy.max_age_days:,} days"
    return [Verdict("freshness", message, policy.stale == "refuse")]


def volume(now: Mapping[str, float], earlier: Sequence[Mapping[str, float]], limits: Volume | None) -> list[Verdict]:
    """Whether rows or amount lie far from the median of earlier imports of the same source."""
    if limits is None:
        return []
    found = []
    for name, value in now.items():
        known = [past[name] for past in earlier if past.get(name) is not None]
        usual = median(known) if len(known) >= FEWEST else 0.0
        if usual <= 0 or limits.drop * usual <= value <= limits.jump * usual:
            continue
        much = "few" if value < usual else "many"
        what = f"{value:,.0f} {name}, suddenly {much if name == 'rows' else 'little' if value < usual else 'much'}"
        message = (
            f"{what}: the last {len(known)} imports of this source had {usual:,.0f} in the middle; "
            f"expected {limits.drop * usual:,.0f} to {limits.jump * usual:,.0f}"
        )
        found.append(Verdict("volume", message, limits.then == "refuse"))
    return found


def volume_of(checked: Checked) -> dict[str, float]:
    """The volume of a file: its good rows, and their amount where the data set has one."""
    amount = {"amount": checked.figures.totals["amount"]} if "amount" in checked.figures.totals else {}
    return {"rows": float(checked.figures.rows), **amount}


def earlier_volumes(session: Session, record: Import) -> list[dict[str, float]]:
    """The volumes of the last imports of the same source, newest first; uploads without a source have none."""
    if record.source_id is None:
        return []
    query = (
        sa.select(Import.rows_total, Import.rows_rejected, Import.report)
        .where(Import.source_id == record.source_id, Import.dataset == record.dataset)
        .where(Import.state == "loaded", Import.id != record.id)
        .order_by(Import.id.desc())
        .limit(EARLIER)
    )
    return [
        {"rows": float((row.rows_total or 0) - (row.rows_rejected or 0))}
        | ({"amount": float(row.report["amount"])} if "amount" in (row.report or {}) else {})
        for row in session.execute(query)
    ]
