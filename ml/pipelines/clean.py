"""Clean: the flags of a grain made anew, outside of a forecast, so that people see at once what a policy does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.results import ModelVersion
from ml.etl.cleaning.clean import clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.cleaning.flags import store_flags
from ml.etl.extract import Level, choose_base_level, read_sales
from ml.etl.nodes import ensure_series
from ml.grains import get_grain
from ml.progress import Progress, silent
from ml.reconcile import Hierarchy


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


def clean(session: Session, grain: str = "monthly", progress: Progress = silent) -> CleanResult:
    """Find outliers and stockouts of the series that are forecast, under the policy that holds; the caller commits.

    Doing it again changes nothing; what people decided stays. Training and forecasting clean for themselves, from the
    same functions: they depend on no flag that this has stored. Raises NotEnoughHistoryError, DataError.
    """
    spec = get_grain(grain)
    progress("reading sales")
    table = read_sales(session, spec)
    context = read_context(session, table)
    base = served_level(session, grain) or choose_base_level(table)
    session.commit()  # no lock and no snapshot is held while it computes
    progress("cleaning")
    cleaned = clean_panel(table, base, context)
    progress("storing flags")
    ids = ensure_series(session, Hierarchy.over(cleaned.nodes, base))
    stored = store_flags(session, cleaned, ids, grain)
    return CleanResult(grain, f"{base.location}/{base.product}", len(cleaned.panel.ids), **asdict(stored))


def served_level(session: Session, grain: str) -> Level | None:
    """The level that the champion forecasts; None where no model serves yet."""
    query = sa.select(ModelVersion.location_level, ModelVersion.product_level).where(ModelVersion.slot == grain)
    row = session.execute(query).one_or_none()
    return None if row is None else Level(*row)
