"""A series' estimates as a real `prophet.Prophet`, for its plots and for everything else the library does."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.models.prophet_panel.fitted import FittedPanel
from ml.models.prophet_panel.holidays import Holidays
from ml.models.prophet_panel.options import Options
from ml.panel import Panel

if TYPE_CHECKING:
    from prophet import Prophet

Changepoints = NDArray[np.int64]


def to_prophet(fitted: FittedPanel, unique_id: str, panel: Panel) -> Prophet:
    """The series as if the library had fitted it: `predict`, `plot` and `plot_components` work.

    `panel` is the one that was fitted: the library keeps the history in its object. Columns, changepoints and scales
    are of its own making; the estimates are filled in. Raises DataError for a series without an estimate.
    """
    group, row = fitted.find(unique_id)
    design = group.design
    model = unfitted(design.options, design.holidays, design.changepoints)
    history = panel.until(panel.last).frame
    history = history[history["unique_id"] == unique_id]
    inputs = model.preprocess(history[["ds", "y", *design.options.inputs]])
    found = group.estimates
    delta = found.delta[row] if found.delta.shape[1] else np.zeros(inputs.S)
    beta = found.beta[row] if found.beta.shape[1] else np.zeros(inputs.K)
    values = {"k": found.k[row], "m": found.m[row], "sigma_obs": found.sigma[row], "delta": delta, "beta": beta}
    model.params = {name: np.array(value, dtype=np.float64).reshape(1, -1) for name, value in values.items()}
    return model


def unfitted(options: Options, holidays: Holidays, changepoints: Changepoints) -> Prophet:
    """The library's model before it is fitted; `changepoints` (days since 1970) replace dates that were given."""
    from prophet import Prophet  # noqa: PLC0415 - loading the library costs 0.8 s and 141 MB

    arguments = options.arguments()
    if options.changepoints is not None and options.growth != "flat":
        arguments["changepoints"] = pd.DatetimeIndex(changepoints.astype("datetime64[D]"))
    model = Prophet(**arguments, holidays=_table(holidays))
    if holidays.country is not None:
        model.add_country_holidays(holidays.country)
    for season in options.seasonalities:
        model.add_seasonality(**asdict(season))
    for spec in options.regressors:
        model.add_regressor(spec.name, spec.prior_scale, spec.standardize, spec.mode)
    return model


def _table(holidays: Holidays) -> pd.DataFrame | None:
    """The library's table of holidays, with a row for each of their days."""
    rows = []
    for name, days, prior in zip(holidays.names, holidays.days, holidays.prior, strict=True):
        holiday, offset = name.split("_delim_")
        for day in days:
            first = pd.Timestamp(np.datetime64(int(day) - int(offset), "D"))
            rows.append({"holiday": holiday, "ds": first, "prior_scale": prior, "offset": int(offset)})
    if not rows:
        return None
    table = pd.DataFrame(rows)
    table["lower_window"] = table["offset"].clip(upper=0)
    table["upper_window"] = table["offset"].clip(lower=0)
    return table.drop(columns="offset")
