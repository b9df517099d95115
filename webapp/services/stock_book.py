"""The workbook of orders as it comes back: its changes become edits and decisions, what cannot be is told by cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import IO

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.bulk import in_lists, lock_for_writing
from ml.db.restock import OPEN_ADVICE, Recommendation
from ml.reports.stock_edits import Problem, RowEdit, read_edits
from webapp.services.planned_days import too_far
from webapp.services.stock import Edit, apply, order, refuse


@dataclass(frozen=True)
class Uploaded:
    """What became of the rows; those with problems changed nothing."""

    edited: int
    accepted: int
    dismissed: int
    unchanged: int
    order_refs: list[str]
    problems: list[Problem]


def apply_book(session: Session, file: IO[bytes], user: str) -> Uploaded:
    """Apply what a person changed in the workbook of a report; commits. Rows that conflict are left as they are.

    Raises DataError for what is no such workbook.
    """
    edits, problems = read_edits(file)
    lock_for_writing(session, Recommendation)
    known = find(session, [edit.id for edit in edits])
    problems += [problem for edit in edits for problem in conflicts(edit, known.get(edit.id))]
    bad = {line_of(problem.cell) for problem in problems}
    good = [edit for edit in edits if line_of(edit.cells["Id"]) not in bad and is_change(edit)]
    accepted, dismissed, edited = [], [], 0
    for edit in good:
        row = known[edit.id]
        if edit.changed:
            apply(row, Edit(edit.quantity, edit.order_on, edit.comment), user)
            edited += 1
        if edit.decision == "accept":
            accepted.append(row)
        elif edit.decision == "dismiss":
            refuse(row, edit.comment, user)
            dismissed.append(row)
    made = order(session, accepted, user) if accepted else []
    said = {"edited": edited, "accepted": len(accepted), "dismissed": len(dismissed), "problems": len(problems)}
    audit.record(session, "upload", "recommendation", "", after=said)
    session.commit()
    return Uploaded(edited, len(accepted), len(dismissed), len(edits) - len(good), made, problems)


def line_of(cell: str) -> str:
    """The number of the row of a cell such as G12."""
    return cell.lstrip(ascii_uppercase)


def is_change(edit: RowEdit) -> bool:
    """Whether a person said anything with a row."""
    return edit.changed or bool(edit.decision)


def find(session: Session, ids: Sequence[int]) -> dict[int, Recommendation]:
    """The advice of the rows, as far as the caller may see it."""
    found: dict[int, Recommendation] = {}
    for some in in_lists(sorted(set(ids))):
        rows = session.scalars(sa.select(Recommendation).where(Recommendation.id.in_(some)))
        found |= {row.id: row for row in rows}
    return found


def conflicts(edit: RowEdit, row: Recommendation | None) -> Iterator[Problem]:
    """Why a row that a person changed cannot be applied."""
    if not is_change(edit):
        return
    for error in too_far(order_on=edit.order_on):
        yield Problem(edit.cells["Order on"], error.message)
    if row is None:
        yield Problem(edit.cells["Id"], f"there is no recommendation {edit.id}")
    elif row.state not in OPEN_ADVICE:
        by = f" by {row.decided_by}" if row.decided_by else ""
        yield Problem(
            edit.cells["Id"], f"recommendation {edit.id} is {row.state}{by} by now; nothing is left to decide"
        )
    elif row.version != edit.version:
        now = f"{row.quantity:,.0f} units on {row.order_on}"
        yield Problem(
            edit.cells["Version"], f"it has changed meanwhile and says {now}; take a new workbook for this row"
        )
