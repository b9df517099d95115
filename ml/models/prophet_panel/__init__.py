"""Prophet for a whole panel at once: the library's model and defaults, estimated exactly and together.

`fit_panel` estimates all series of a `Panel`; `FittedPanel` forecasts them, with quantiles, components and
coefficients; `to_prophet` makes a real `prophet.Prophet` of a series. `ProphetForecaster` and `ProphetPoints` are the
model behind the engine's protocols. It is imported late: numba and its compiled code take a second to load.
"""
