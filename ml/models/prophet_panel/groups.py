"""All series of a panel, in groups that share a design, estimated side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml.models.prophet_panel.design import Days, Design
from ml.models.prophet_panel.estimates import Estimates, Problem
from ml.models.prophet_panel.holidays import Holidays
from ml.models.prophet_panel.options import Options

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

CHUNK = 256
"""Series that a thread takes at a time."""


@dataclass(frozen=True)
class Group:
    """The series in the `rows` of a panel, and what was estimated for them."""

    rows: Rows
    design: Design
    estimates: Estimates

    def part(self, chosen: NDArray[np.bool_] | slice) -> Group:
        """Some of its series."""
        own = {name: values[chosen] for name, values in vars(self.estimates).items()}
        return Group(self.rows[chosen], self.design, Estimates(**own))


@dataclass(frozen=True)
class Inputs:
    """A panel as it is estimated.

    `y` is (series, days) with NaN where it is unknown, `days` counts since 1970-01-01, `values` holds the inputs
    (series, days, inputs), `holidays` those of all regions and `region` (series) the place of each series' own.
    """

    y: Floats
    days: Days
    options: Options
    values: Floats
    holidays: Sequence[Holidays]
    region: NDArray[np.int64]


def estimate(inputs: Inputs, threads: int = 1, chunk: int = CHUNK) -> list[Group]:
    """Estimate every series with two values or more; neither `threads` nor `chunk` changes a bit of the result."""
    sets = [rows for rows in same_design(inputs) if np.isfinite(inputs.y[rows[0]]).sum() > 1]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        small = [rows for rows in sets if len(rows) <= chunk]
        found = list(pool.map(lambda rows: _whole(inputs, rows), small))
        large = [rows for rows in sets if len(rows) > chunk]
        return found + [_in_chunks(inputs, rows, pool.map, chunk) for rows in large]


def same_design(inputs: Inputs) -> Iterator[Rows]:
    """The rows of each group, in the order of their first series."""
    known = np.isfinite(inputs.y)
    packed = np.concatenate(
        [inputs.region.astype("<i8").view(np.uint8).reshape(-1, 8), np.packbits(known, axis=1)], axis=1
    )
    codes = pd.factorize(np.array([row.tobytes() for row in packed], dtype=object))[0]
    if inputs.values.shape[2]:
        values = np.where(known[:, :, None], inputs.values, 0.0)
        digests = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in values]
        codes = pd.factorize(pd.MultiIndex.from_arrays([codes, digests]))[0]
    order = np.argsort(codes, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _problem(inputs: Inputs, rows: Rows) -> tuple[Problem, NDArray[np.bool_]]:
    first = rows[0]
    known = np.isfinite(inputs.y[first])
    days, values = inputs.days[known], inputs.values[first, known]
    design = Design.of(days, inputs.options, inputs.holidays[inputs.region[first]]).with_regressors(values)
    return Problem.of(design, days, values), known


def _whole(inputs: Inputs, rows: Rows) -> Group:
    problem, known = _problem(inputs, rows)
    return Group(rows, problem.design, problem.estimate(inputs.y[np.ix_(rows, known)]))


Map = Callable[[Callable[[Rows], Estimates], list[Rows]], Iterator[Estimates]]


def _in_chunks(inputs: Inputs, rows: Rows, run: Map, chunk: int) -> Group:
    problem, known = _problem(inputs, rows)
    places = np.flatnonzero(known)
    parts = [rows[start : start + chunk] for start in range(0, len(rows), chunk)]
    found = list(run(lambda part: problem.estimate(inputs.y[np.ix_(part, places)]), parts))
    return Group(rows, problem.design, Estimates.join(found))
