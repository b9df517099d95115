"""Errors that a person can act on: what is wrong, where, what was expected, what to do."""

from __future__ import annotations


class ForecastleError(Exception):
    """Base of all errors whose message may be shown to a user as it stands."""

    code = "error"


class ConfigurationError(ForecastleError):
    """A setting is missing, malformed or contradicts another one."""

    code = "configuration"


class DataError(ForecastleError):
    """A table handed to the engine does not have the shape it must have."""

    code = "bad-data"


class SourceError(ForecastleError):
    """A file or another source cannot be read at all."""

    code = "unreadable-source"


class UpstreamError(ForecastleError):
    """A database or an API that rows are pulled from cannot be reached, or fails: what was asked, and what it said."""

    code = "upstream-failed"


class ShapeError(SourceError):
    """The rows of a source no longer look as they did: what changed, field by field."""

    code = "changed-shape"

    def __init__(self, message: str, changes: dict[str, str]) -> None:
        super().__init__(message)
        self.changes = changes


class MappingError(ForecastleError):
    """The columns of a source cannot be matched with the fields that are needed."""

    code = "bad-mapping"


class NotEnoughHistoryError(ForecastleError):
    """The data covers fewer whole periods than a forecast needs."""

    code = "not-enough-history"

    def __init__(self, found: int, needed: int, unit: str = "months") -> None:
        self.found, self.needed, self.unit = found, needed, unit
        super().__init__(
            f"not enough history: {found} of {needed} {unit}. "
            f"Import sales that cover at least {needed} whole {unit}, then train again."
        )


class NoChampionError(ForecastleError):
    """A forecast was asked for before any model was trained."""

    code = "no-champion"


class ArtifactError(ForecastleError):
    """A stored model is missing, damaged, or was written by other library versions."""

    code = "bad-artifact"


class StorageFullError(ForecastleError):
    """There is no space left for a file: which one, where, and how much of it there was to write."""

    code = "storage-full"


class NotFoundError(ForecastleError):
    """The named thing does not exist, or not for this user."""

    code = "not-found"


class ConflictError(ForecastleError):
    """The thing is not in a state in which this can be done."""

    code = "conflict"
