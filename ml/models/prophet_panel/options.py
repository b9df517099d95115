"""What can be asked of the model: the arguments and defaults of `prophet.Prophet` 1.x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ml.errors import ConfigurationError

Mode = Literal["additive", "multiplicative"]
Order = Literal["auto"] | bool | int

MODES: tuple[Mode, ...] = ("additive", "multiplicative")
GROWTHS = ("linear", "flat", "logistic")
BUILT_IN_NAMES = frozenset({"yearly", "weekly", "daily"})
RESERVED = frozenset(
    {"trend", "additive_terms", "multiplicative_terms", "daily", "weekly", "yearly", "holidays", "zeros", "yhat"}
    | {"extra_regressors_additive", "extra_regressors_multiplicative", "ds", "y", "t", "cap", "floor", "y_scaled"}
)


@dataclass(frozen=True)
class Seasonality:
    """A Fourier series of `fourier_order` pairs; `period` is in days. None: as the whole model.

    `condition_name` is a known column of 0 and 1 that says in which periods it acts.
    """

    name: str
    period: float
    fourier_order: int
    prior_scale: float | None = None
    mode: Mode | None = None
    condition_name: str | None = None


@dataclass(frozen=True)
class Regressor:
    """A known column whose effect is estimated; see `Prophet.add_regressor`. None: as the whole model."""

    name: str
    prior_scale: float | None = None
    standardize: Literal["auto"] | bool = "auto"
    mode: Mode | None = None


@dataclass(frozen=True)
class Options:
    """Arguments of `prophet.Prophet` with its defaults; raises ConfigurationError for wrong ones.

    What `uncovered` names is estimated by the library alone (see `library`). `changepoints` are ISO dates that replace
    those placed automatically; a series takes those within its history.
    """

    growth: str = "linear"
    changepoints: tuple[str, ...] | None = None
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05
    yearly_seasonality: Order = "auto"
    weekly_seasonality: Order = "auto"
    daily_seasonality: Order = "auto"
    seasonality_mode: Mode = "additive"
    seasonality_prior_scale: float = 10.0
    holidays_mode: Mode | None = None
    holidays_prior_scale: float = 10.0
    scaling: Literal["absmax", "minmax"] = "absmax"
    seasonalities: tuple[Seasonality, ...] = ()
    regressors: tuple[Regressor, ...] = ()
    mcmc_samples: int = 0

    def __post_init__(self) -> None:
        _check_one_of("growth", self.growth, GROWTHS)
        if self.mcmc_samples < 0:
            raise ConfigurationError(f"mcmc_samples is {self.mcmc_samples}; expected 0 or more.")
        _check_one_of("scaling", self.scaling, ("absmax", "minmax"))
        for mode in (self.seasonality_mode, self.holidays_mode, *(part.mode for part in self._parts)):
            _check_one_of("the mode", mode or "additive", MODES)
        if not 0 <= self.changepoint_range <= 1:
            raise ConfigurationError(f"changepoint_range is {self.changepoint_range}; expected a share from 0 to 1.")
        if self.n_changepoints < 0:
            raise ConfigurationError(f"n_changepoints is {self.n_changepoints}; expected 0 or more.")
        for scale in (self.changepoint_prior_scale, self.seasonality_prior_scale, self.holidays_prior_scale):
            _check_positive("a prior scale", scale)
        for part in self._parts:
            _check_positive(f"the prior scale of {part.name}", 1.0 if part.prior_scale is None else part.prior_scale)
        for season in self.seasonalities:
            _check_positive(f"the period of {season.name}", season.period)
            _check_positive(f"the Fourier order of {season.name}", season.fourier_order)
        self._check_names()

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Options:
        """From JSON values; seasonalities and regressors are dicts, or names of regressors alone."""
        unknown = [name for name in values if name not in {part.name for part in fields(cls)}]
        if unknown:
            raise ConfigurationError(f"there is no option {unknown[0]!r}; expected the arguments of prophet.Prophet.")
        given = dict(values)
        if given.get("changepoints") is not None:
            given["changepoints"] = tuple(given["changepoints"])
        given["seasonalities"] = tuple(Seasonality(**part) for part in given.get("seasonalities", ()))
        given["regressors"] = tuple(
            Regressor(part) if isinstance(part, str) else Regressor(**part) for part in given.get("regressors", ())
        )
        return cls(**given)

    @property
    def uncovered(self) -> str | None:
        """The argument that is not estimated for whole panels, such as `growth='logistic'`."""
        if self.growth == "logistic":
            return "growth='logistic'"
        return f"mcmc_samples={self.mcmc_samples}" if self.mcmc_samples else None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The columns that seasonalities are conditioned on."""
        named = (season.condition_name for season in self.seasonalities)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The known columns that are read: regressors, then conditions."""
        return (*(spec.name for spec in self.regressors), *self.conditions)

    @property
    def holiday_mode(self) -> Mode:
        """How holidays act: as said, else as the seasons do."""
        return self.holidays_mode or self.seasonality_mode

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of `prophet.Prophet` that say the same, but for added seasonalities and regressors."""
        apart = ("seasonalities", "regressors")
        return {name: value for name, value in asdict(self).items() if name not in apart}

    @property
    def _parts(self) -> tuple[Seasonality | Regressor, ...]:
        return (*self.seasonalities, *self.regressors)

    def _check_names(self) -> None:
        names = [*(part.name for part in self._parts), *self.conditions]
        seasons = {season.name for season in self.seasonalities}
        for name in names:
            own = name in BUILT_IN_NAMES and name in seasons
            if (name in RESERVED and not own) or "_delim_" in name or names.count(name) > 1:
                raise ConfigurationError(
                    f"the name {name!r} is reserved, holds '_delim_' or is given twice. Choose another one."
                )


def _check_one_of(what: str, found: str, allowed: Sequence[str]) -> None:
    if found not in allowed:
        raise ConfigurationError(f"{what} is {found!r}; expected {' or '.join(allowed)}.")


def _check_positive(what: str, found: float) -> None:
    if not found > 0:
        raise ConfigurationError(f"{what} is {found}; expected a number above 0.")
