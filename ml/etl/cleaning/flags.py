"""Flags in the database: found anew each time, with what people decided of them kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.bulk import in_lists, insert_rows, lock_for_writing, table_of
from ml.db.cleaning import CleaningFlag
from ml.etl.cleaning.clean import Cleaned
from ml.etl.extract import CENT
from ml.etl.partition import WHOLE, Partition

Key = tuple[int, date, str]
NUMBERS = ("value", "corrected", "score", "reason")
DIGITS = 4
"""Of the amounts in the table."""


@dataclass(frozen=True)
class Stored:
    """How the flags of a grain changed."""

    outliers: int
    stockouts: int
    added: int
    changed: int
    removed: int


def store_flags(
    session: Session, cleaned: Cleaned, ids: Mapping[str, int], grain: str, partition: Partition = WHOLE
) -> Stored:
    """Make the flags of a grain's partition those of `cleaned`; `ids` holds series ids by key. The caller commits.

    A flag that is found again keeps its verdict and takes the new numbers. One that is not found any more goes, unless
    a person decided it and the sales it was about are still the same.
    """
    lock_for_writing(session, CleaningFlag)
    found = {
        (ids[key], ds.date(), kind): _row(value, corrected, score, reason)
        for key, ds, kind, value, corrected, score, reason in cleaned.flags.itertuples(index=False, name=None)
    }
    here = (CleaningFlag.grain == grain, *partition.only(CleaningFlag.series_id))
    known = {
        (flag.series_id, flag.period, flag.kind): flag
        for flag in session.execute(sa.select(table_of(CleaningFlag)).where(*here))
    }
    added = [key for key in found if key not in known]
    changed = [key for key in found if key in known and not _same(known[key], found[key])]
    gone = {key: flag for key, flag in known.items() if key not in found}
    sold = _sold(cleaned, ids) if gone else {}
    removed = [flag.id for flag in gone.values() if not _holds(flag, sold)]
    _delete(session, removed)
    _update(session, {known[key].id: found[key] for key in changed})
    _insert(session, {key: found[key] for key in added}, grain)
    outliers = sum(kind == "outlier" for _, _, kind in found)
    return Stored(outliers, len(found) - outliers, len(added), len(changed), len(removed))


def _row(value: float, corrected: float | None, score: float, reason: str) -> tuple[Any, ...]:
    left_out = corrected is None or np.isnan(corrected)
    return round(value, DIGITS), None if left_out else round(float(corrected or 0.0), DIGITS), score, reason


def _same(flag: Any, row: tuple[Any, ...]) -> bool:
    """Whether a stored flag tells the same; scores may differ in their last digits."""
    corrected_alike: bool = (flag.corrected is None) == (row[1] is None)
    numbers = np.array([flag.value, flag.corrected or 0.0, flag.score]) - [row[0], row[1] or 0.0, row[2]]
    return corrected_alike and bool(flag.reason == row[3]) and bool((np.abs(numbers) < CENT).all())


def _sold(cleaned: Cleaned, ids: Mapping[str, int]) -> dict[tuple[int, date], float]:
    """What each base series sold in each period."""
    wide = cleaned.sold.wide
    days = [period.date() for period in cleaned.sold.periods]
    rows, columns = np.nonzero(np.isfinite(wide.y))
    numbers = [ids[key] for key in wide.ids]
    places = [(numbers[row], days[column]) for row, column in zip(rows, columns, strict=True)]
    return dict(zip(places, wide.y[rows, columns].tolist(), strict=True))


def _holds(flag: Any, sold: Mapping[tuple[int, date], float]) -> bool:
    """Whether a flag that is not found any more stays: it was decided, about what is still the value."""
    value = sold.get((flag.series_id, flag.period), flag.value)  # a series of another level: nothing is known
    return bool(flag.verdict != "open" and abs(value - flag.value) < CENT)


def _delete(session: Session, flags: list[int]) -> None:
    for part in in_lists(flags):
        session.execute(sa.delete(table_of(CleaningFlag)).where(CleaningFlag.id.in_(part)))


def _update(session: Session, rows: Mapping[int, tuple[Any, ...]]) -> None:
    if not rows:
        return
    table = table_of(CleaningFlag)
    statement = sa.update(table).where(table.c.id == sa.bindparam("flag"))
    values = [{"flag": flag, **dict(zip(NUMBERS, row, strict=True))} for flag, row in rows.items()]
    session.connection().execute(statement.values({name: sa.bindparam(name) for name in NUMBERS}), values)


def _insert(session: Session, rows: Mapping[Key, tuple[Any, ...]], grain: str) -> None:
    keys, numbers = list(rows), list(rows.values())
    columns: dict[str, list[Any]] = {
        "series_id": [key[0] for key in keys],
        "period": [key[1] for key in keys],
        "kind": [key[2] for key in keys],
        "grain": [grain] * len(keys),
        "created_at": [utc_now()] * len(keys),
        **{name: [row[i] for row in numbers] for i, name in enumerate(NUMBERS)},
    }
    insert_rows(session, CleaningFlag, columns)
