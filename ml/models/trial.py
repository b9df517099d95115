"""Members of a combination tried on origins inside a panel's own past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.evaluation.origins import plan_cutoffs, steps_after
from ml.features.closures import closed
from ml.models.base import FittedPoints, PointModel
from ml.models.conformal import SeriesFacts, known_matrices, point_rows
from ml.models.univariate import FITS
from ml.panel import Panel
from ml.periods import following
from ml.progress import Progress, silent

Floats = NDArray[np.float64]

REFIT_BELOW = 150_000
"""Values in a panel up to which members learn anew at each origin; in larger ones a few periods more teach little."""


@dataclass(frozen=True)
class Trial:
    """Rows `unique_id, ds, cutoff, step, y, scale, volume` of the origins, and what each member forecast for them.

    `fitted` are the members as they were at the last origin.
    """

    rows: pd.DataFrame
    made: dict[str, Floats]
    fitted: dict[str, FittedPoints]


def run_trial(  # noqa: PLR0917 - what is tried on what
    members: Mapping[str, PointModel],
    panel: Panel,
    horizon: int,
    windows: int,
    edges: Floats,
    closures: tuple[str, ...],
    progress: Progress = silent,
) -> Trial:
    """What members would have forecast from earlier origins, beside what was sold.

    `edges` are the edges of the classes of volume; periods that a known column says are closed are left out, and so
    are unknown values: neither tells of an error.
    """
    cutoffs = plan_cutoffs(panel, horizon, windows)
    fitted: dict[str, FittedPoints] = {}
    parts: list[pd.DataFrame] = []
    for done, cutoff in enumerate(cutoffs):
        past = panel.until(cutoff)
        series = SeriesFacts.of(past, edges)
        dates = following(cutoff, steps_after(panel, cutoff, horizon), panel.freq)
        known = known_matrices(series, dates, panel.future(cutoff, len(dates)))
        shut = closed(closures, known, (len(series.ids), len(dates)))
        columns: dict[str, Floats] = {}
        for place, (name, member) in enumerate(members.items()):
            progress("trying models", done * len(members) + place, len(cutoffs) * len(members))
            large = past.wide.y.size > REFIT_BELOW
            fitted[name] = learn(member, fitted.get(name), past, anew=not large)
            points = fitted[name].predict(len(dates), known)
            columns[name] = points.mean
        rows = point_rows(series, points, dates).drop(columns=["mean", "model"])
        rows = rows.assign(cutoff=cutoff, closed=shut.ravel(), **{name: made.ravel() for name, made in columns.items()})
        parts.append(rows.merge(panel.frame[["unique_id", "ds", "y"]], on=["unique_id", "ds"]))
    whole = pd.concat(parts, ignore_index=True)
    whole = whole[whole["y"].notna() & ~whole["closed"]].reset_index(drop=True)
    return Trial(whole, {name: whole[name].to_numpy(dtype=np.float64) for name in members}, fitted)


def learn(member: PointModel, earlier: FittedPoints | None, panel: Panel, *, anew: bool) -> FittedPoints:
    """The member at the end of `panel`: carried on from an earlier fit, unless it shall learn `anew`.

    Models of single series are always carried on: they are fitted to the newer data then, and keep the form that was
    chosen for them.
    """
    if earlier is not None and (member.name in FITS or not anew):
        return earlier.update(panel)
    return member.fit(panel)
