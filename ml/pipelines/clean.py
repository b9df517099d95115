"""Clean: the flags of a grain made anew, outside of a forecast, so that people see at once what a policy does."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ModelVersion
from ml.etl.cleaning.clean import clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.cleaning.flags import store_flags
from ml.etl.extract import Level, choose_base_level, learned_coverage, read_sales
from ml.etl.nodes import ensure_series
from ml.etl.partition import split
from ml.etl.sample import sample
from ml.grains import Coverage, Grain, get_grain
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy
from ml.settings import PARTITION_SERIES, ModelRules


@dataclass(frozen=True)
class CleanResult:
    """The flags that there are now, and how many of them are new, changed or gone."""

    grain: str
    base_level: str
    series: int
    outliers: int
    stockouts: int
    added: int
    changed: int
    removed: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def clean(
    session: Session, grain: str = "monthly", progress: Progress = silent, leaves: int = PARTITION_SERIES
) -> CleanResult:
    """Find outliers and stockouts of the series that are forecast, under the policy that holds, partition by partition
    of at most `leaves` places and products. Commits all but the last, which is left to the caller.

    Doing it again changes nothing; what people decided stays. Training and forecasting clean for themselves, from the
    same functions: they depend on no flag that this has stored. Raises NotEnoughHistoryError, DataError.
    """
    spec = get_grain(grain)
    coverage = learned_coverage(session, spec)
    base = served_level(session, grain) or level_to_be(session, spec, coverage)
    series, counts = 0, Counter[str]()
    for part in split(session, base, leaves):
        progress("reading sales", series)
        table = read_sales(session, spec, coverage, part)
        if table.frame.empty:
            continue
        context = read_context(session, table)
        session.commit()  # no lock and no snapshot is held while it computes
        progress("cleaning", series)
        cleaned = clean_panel(table, base, context)
        progress("storing flags", series)
        ids = ensure_series(session, Hierarchy.over(cleaned.nodes, base, part).every, part)
        counts.update(asdict(store_flags(session, cleaned, ids, grain, part)))
        series += len(cleaned.panel.ids)
    return CleanResult(grain, f"{base.location}/{base.product}", series, **counts)


def level_to_be(session: Session, grain: Grain, coverage: Coverage) -> Level:
    """The level that a model would forecast that was trained now."""
    with sample(session, grain, coverage, ModelRules.most_series) as learned:
        return choose_base_level(read_sales(session, grain, coverage, learned))


def served_level(session: Session, grain: str) -> Level | None:
    """The level that the champion forecasts; None where no model serves yet."""
    query = sa.select(ModelVersion.location_level, ModelVersion.product_level).where(ModelVersion.slot == grain)
    row = session.execute(query).one_or_none()
    return None if row is None else Level(*row)
