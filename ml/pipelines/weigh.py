"""A checked file weighed before it is loaded: what its policy says of it as a whole, and what it would add."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.imports import Import
from ml.errors import DataError
from ml.etl.check import CheckedFile
from ml.etl.datasets import get_dataset
from ml.etl.known import new_areas, new_products
from ml.etl.policy import Policy
from ml.etl.record_check import CheckedRecords
from ml.etl.volume import Checked, judge

LISTED = 100
"""New codes that a report lists; all are counted."""


@dataclass(frozen=True)
class Weighed:
    """What a report says of a file beside its counts of rows, and why it is refused ('': it is not)."""

    refusal: str
    report: dict[str, Any] = field(default_factory=dict)


def weigh(session: Session, record: Import, checked: CheckedFile | CheckedRecords) -> Weighed:
    """Judge a file under the policy of its import; warnings, and what was noted at its fetch, become notes of the file.

    The report has `verdicts` [{"check", "message", "refuses"}], `amount`, `quantity`, `months`, and new codes as
    `new_products` and `new_areas` {"count", "codes"}.
    """
    policy = Policy.from_dict(record.policy, get_dataset(record.dataset))
    verdicts = judge(session, record, checked, policy, utc_now().date())
    checked.notes[:0] = record.dialect.get("notes", [])  # what a pull met on the way
    checked.notes += [f"{one.message[:1].upper()}{one.message[1:]}." for one in verdicts if not one.refuses]
    codes, places = _said(checked)
    report = {
        **checked.figures.as_dict(),
        "verdicts": [verdict.as_dict() for verdict in verdicts],
        "new_products": _listed(new_products(session, codes)),
        "new_areas": _listed(new_areas(session, places)) if places else _listed([]),
    }
    return Weighed(_refusal(record, checked, [one.message for one in verdicts if one.refuses]), report)


def write_report(
    record: Import, checked: CheckedFile | CheckedRecords, weighed: Weighed, loaded: int = 0, changed: int = 0
) -> None:
    """Write what became of the rows into an import: its counts, dates and report. Of a refused file none counts."""
    counts = {
        "rows": checked.rows_total,
        "loaded": loaded,
        "changed": changed,
        "unchanged": 0 if weighed.refusal else checked.rows.rows - loaded,
        "rejected": checked.rejections.rows,
    }
    record.rows_total, record.rows_rejected = counts["rows"], counts["rejected"]
    record.rows_loaded, record.rows_unchanged, record.rows_changed = loaded, counts["unchanged"], changed
    record.first_date, record.last_date = checked.first_date, checked.last_date
    record.report = {**counts, **weighed.report, "conflicts": checked.conflicts, "notes": checked.notes}


def refuse(session: Session, record: Import, checked: CheckedFile | CheckedRecords, weighed: Weighed) -> None:
    """Where a file is refused, write its report, commit and raise DataError; rejected rows stay to be looked at."""
    if weighed.refusal:
        write_report(record, checked, weighed)
        session.commit()
        raise DataError(weighed.refusal)


def _refusal(record: Import, checked: Checked, reasons: Sequence[str]) -> str:
    if not checked.rows.rows:
        return (
            f"none of the {checked.rejections.rows:,} rows of {record.filename} can be loaded; the first problem is in "
            f"{checked.first_rejection}. Correct the file or the mapping, then import it again."
        )
    if not reasons:
        return ""
    return (
        f"{record.filename} is refused by the policy of its import: {'; '.join(reasons)}. Nothing was loaded. "
        "Correct the file, or change the policy, then import it again."
    )


def _said(checked: CheckedFile | CheckedRecords) -> tuple[list[str], list[str]]:
    """The codes of products and the areas that a file names."""
    if isinstance(checked, CheckedFile):
        return [product.code for product in checked.products], [place[2] for place, _ in checked.leaves]
    return [item.code for item in checked.codes.get("product_code", ())], []


def _listed(codes: Iterable[str]) -> dict[str, Any]:
    codes = list(codes)
    return {"count": len(codes), "codes": codes[:LISTED]}
