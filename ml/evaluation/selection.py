"""Which model serves, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import DataError
from ml.evaluation.metrics import Scores


@dataclass(frozen=True)
class Choice:
    """The model that was chosen, why, and the scores of all that raced."""

    name: str
    reason: str
    scores: dict[str, Scores]


def choose(scores: Mapping[str, Scores]) -> Choice:
    """The model with the least weighted quantile loss; the first of `scores` is the floor.

    The loss judges the median and both ends of the band together. A model that does not beat the floor in it is not
    served, nor is one that beats it in the loss but is further off in WAPE by more than a tenth. Raises DataError
    without models.
    """
    if not scores:
        raise DataError("no model to choose from; expected the scores of at least one.")
    floor, *others = scores
    able = [name for name in others if _beats(scores[name], scores[floor])]
    best = min(able, key=lambda name: (scores[name]["wql"] or 0.0, name), default=floor)
    return Choice(best, _reason(best, floor, others, scores), dict(scores))


def _beats(model: Scores, floor: Scores) -> bool:
    loss, least = model["wql"], floor["wql"]
    error, error_floor = model["wape"], floor["wape"]
    if loss is None or least is None or error is None or error_floor is None:
        return False
    return loss < least and error <= 1.1 * error_floor


def _reason(best: str, floor: str, others: list[str], scores: Mapping[str, Scores]) -> str:
    own, least = scores[best], scores[floor]
    count = int(own["rows"] or 0)
    if own["wql"] is None or least["wql"] is None:
        return f"{best}: nothing was sold in the {count:,} rows of the backtest, so no model can be told from another."
    if best != floor:
        saved = 1 - own["wql"] / least["wql"]
        return (
            f"{best} has a weighted quantile loss of {own['wql']:.3f} against {least['wql']:.3f} of {floor} "
            f"({saved:.0%} less), and a WAPE of {_percent(own['wape'])} against {_percent(least['wape'])}, "
            f"over {count:,} backtest rows."
        )
    if not others:
        return f"{floor} is the only model that was tried: WAPE {_percent(own['wape'])} over {count:,} backtest rows."
    rivals = ", ".join(f"{name} {_number(scores[name]['wql'])}" for name in others)
    return (
        f"No model beat {floor} in the backtest ({count:,} rows): its weighted quantile loss is {own['wql']:.3f}, "
        f"against {rivals}."
    )


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
