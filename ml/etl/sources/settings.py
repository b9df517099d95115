"""Reading the settings of a source: each by name and type, unknown ones refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.errors import SourceError

LONGEST = 20_000


class Reader:
    """Takes settings one by one; what was never asked for is unknown."""

    def __init__(self, what: str, settings: Mapping[str, Any], learned: tuple[str, ...] = ("shape", "watermark_kind")):
        self._what, self._settings, self._known = what, settings, list(learned)

    def text(self, name: str, default: str = "", *, required: bool = False, choices: tuple[str, ...] = ()) -> str:
        """A text; SourceError where it is none, or none of `choices`."""
        value = self._take(name, default)
        if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
            raise self._wrong(name, value, "a text")
        value = value.strip() or default
        if required and not value:
            raise self._wrong(name, value, "a value; it is needed")
        if choices and value not in choices:
            raise self._wrong(name, value, f"one of {', '.join(choices)}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number from `low` to `high`; a form may send it as a text."""
        value = self._take(name, default)
        try:
            number = float(value) if not isinstance(value, bool) and value != "" else float(default)
        except (TypeError, ValueError):
            number = float("nan")
        if not low <= number <= high:
            raise self._wrong(name, value, f"a number from {low:g} to {high:g}")
        return number

    def object(self, name: str) -> dict[str, Any]:
        """A JSON object; {} where it is not given."""
        value = self._take(name, {}) or {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise self._wrong(name, value, "an object with texts as names")
        return value

    def done(self) -> None:
        """Refuse what was not asked for."""
        if unknown := sorted(set(self._settings) - set(self._known)):
            known = ", ".join(name for name in self._known if name not in ("shape", "watermark_kind"))
            raise SourceError(f"a {self._what} has no setting {unknown[0]!r}; its settings are: {known}.")

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        value = self._settings.get(name)
        return default if value is None else value

    def _wrong(self, name: str, value: Any, expected: str) -> SourceError:
        return SourceError(f"the setting {name} of the {self._what} is {str(value)[:60]!r}; expected {expected}.")
