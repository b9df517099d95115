"""Limits to regions and territories."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from webapp.queries.scope import Scope
from webapp.schemas.base import Answer, Request

Place = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
MOST_PLACES = 200


class Territory(Request):
    """A territory of a region; names repeat in other regions."""

    region: Place
    territory: Place


class ScopeBody(Request):
    """The regions and territories that an account or token is limited to; at least one."""

    regions: list[Place] = Field(default_factory=list, max_length=MOST_PLACES)
    territories: list[Territory] = Field(default_factory=list, max_length=MOST_PLACES)

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.regions and not self.territories:
            raise ValueError("name at least one region or territory, or leave the scope null for everything")
        return self

    def scope(self) -> Scope:
        """The same as queries take it."""
        pairs = tuple((place.region, place.territory) for place in self.territories)
        return Scope.made(tuple(self.regions), pairs)


class ScopeAnswer(Answer):
    """What an account or token is limited to."""

    regions: list[str]
    territories: list[Territory]


def scope_answer(scope: Scope | None) -> ScopeAnswer | None:
    """A scope as the API shows it; null for everything."""
    if scope is None:
        return None
    pairs = [Territory(region=region, territory=name) for region, name in scope.territories]
    return ScopeAnswer(regions=list(scope.regions), territories=pairs)


def stored_scope(body: ScopeBody | None) -> dict[str, Any] | None:
    """A scope as rows hold it."""
    return None if body is None else body.scope().stored()
