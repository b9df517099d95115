"""Which model serves, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import DataError
from ml.evaluation.metrics import Scores

WQL, STOCK_COST = "wql", "stock_cost"
LOSSES = {WQL: "weighted quantile loss", STOCK_COST: "stock cost"}
"""What a model may be chosen by, in words. The quantile loss judges the median and both ends of the band together, the
stock cost the orders that they lead to (`ml.inventory.decisions`)."""


@dataclass(frozen=True)
class Choice:
    """The model that was chosen, why, the scores of all that raced, and which of them it was chosen by."""

    name: str
    reason: str
    scores: dict[str, Scores]
    loss: str = WQL


def choose(scores: Mapping[str, Scores], loss: str = WQL) -> Choice:
    """The model with the least `loss`, one of LOSSES; the first of `scores` is the floor.

    A model that does not beat the floor in it is not served, nor is one that beats it in the loss but is further off in
    WAPE by more than a tenth. Raises DataError without models.
    """
    if not scores:
        raise DataError("no model to choose from; expected the scores of at least one.")
    floor, *others = scores
    able = [name for name in others if _beats(scores[name], scores[floor], loss)]
    best = min(able, key=lambda name: (scores[name][loss] or 0.0, name), default=floor)
    return Choice(best, _reason(best, floor, others, scores, loss), dict(scores), loss)


def _beats(model: Scores, floor: Scores, loss: str) -> bool:
    own, least = model[loss], floor[loss]
    error, error_floor = model["wape"], floor["wape"]
    if own is None or least is None or error is None or error_floor is None:
        return False
    return own < least and error <= 1.1 * error_floor


def _reason(best: str, floor: str, others: list[str], scores: Mapping[str, Scores], loss: str) -> str:
    own, least, words = scores[best], scores[floor], LOSSES[loss]
    own_loss, least_loss = own[loss], least[loss]
    count = int(own["rows"] or 0)
    if own_loss is None or least_loss is None:
        return f"{best}: nothing was sold in the {count:,} rows of the backtest, so no model can be told from another."
    if best != floor:
        saved = 1 - own_loss / least_loss
        return (
            f"{best} has a {words} of {own_loss:.3f} against {least_loss:.3f} of {floor} "
            f"({saved:.0%} less), and a WAPE of {_percent(own['wape'])} against {_percent(least['wape'])}, "
            f"over {count:,} backtest rows."
        )
    if not others:
        return f"{floor} is the only model that was tried: WAPE {_percent(own['wape'])} over {count:,} backtest rows."
    rivals = ", ".join(f"{name} {_number(scores[name][loss])}" for name in others)
    return f"No model beat {floor} in the backtest ({count:,} rows): its {words} is {own_loss:.3f}, against {rivals}."


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
