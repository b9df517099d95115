"""The champion against a freshly trained version: who serves from now on, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ml.artifacts import ArtifactStore
from ml.db.results import ModelVersion
from ml.errors import ForecastleError
from ml.evaluation.metrics import Scores
from ml.evaluation.selection import LOSSES
from ml.grains import Grain
from ml.models.auto import CombinedForecaster
from ml.pipelines.race import Race, same_kind
from ml.progress import Progress
from ml.registry.artifacts import load
from ml.registry.versions import OUTGROWN
from ml.settings import ModelRules


@dataclass(frozen=True)
class Verdict:
    """Whether the fresh version serves, and why; what it was held against, and the scores of that where compared."""

    promoted: bool
    reason: str
    serving: ModelVersion | None = None
    rival: Scores | None = None


def contest(
    serving: ModelVersion | None,
    race: Race,
    store: ArtifactStore,
    rules: ModelRules,
    progress: Progress,
    *,
    drifted: bool = False,
) -> Verdict:
    """Whether the model that won the race replaces the one that serves.

    Without a champion it does, and where the champion's sales have aged or were outgrown, its level is no longer the
    one to forecast, or it cannot be loaded or tried. Otherwise it has to win by `rules.margin` over the same windows;
    where the champion has drifted, not to lose is enough, since the same kind of model learns from newer sales then.
    """
    if serving is None:
        return Verdict(True, f"It is the first model of {race.field.grain.name} forecasts.")
    if why := outlived(serving, race, rules):
        return Verdict(True, f"It replaces {naming(serving)}, {why}.", serving)
    try:
        forecaster = load(store, serving).forecaster
        rival = rival_scores(serving, forecaster, race, progress)
    except ForecastleError as error:
        return Verdict(True, f"It replaces {naming(serving)}, which is of no use any more: {error}", serving)
    return judge(race, serving, rival, rules.margin, drifted)


def outlived(serving: ModelVersion, race: Race, rules: ModelRules) -> str | None:
    """Why the champion is replaced without a comparison; None where it is not."""
    grain, panel, base = race.field.grain, race.field.cleaned.panel, race.field.base
    age = (panel.last.date() - serving.data_to).days
    if age >= rules.champion_days:
        return (
            f"which learned from sales up to {period_name(serving.data_to, grain)} only, {age} days before the last "
            f"complete period ({rules.champion_days} days are the limit)"
        )
    learned = grain.count(serving.data_from, serving.data_to)
    if len(panel.periods) >= OUTGROWN * learned:
        return f"which learned from {learned} {grain.unit}, while the sales cover {len(panel.periods)} by now"
    if (serving.location_level, serving.product_level) != (base.location, base.product):
        was, now = f"{serving.location_level} by {serving.product_level}", f"{base.location} by {base.product}"
        return f"which forecasts {was}, while the sales call for {now} by now"
    return None


def rival_scores(serving: ModelVersion, forecaster: CombinedForecaster, race: Race, progress: Progress) -> Scores:
    """The champion's kind of model, learned anew at each cutoff of the race: its scores over the same windows.

    Stored scores are taken where they are of the same windows, and those of the race where the same kind took part.
    """
    name = serving.model_type
    if serving.metrics.get("windows") == race.windows():
        stored: Scores = serving.metrics["scores"][name]
        if race.choice.loss in stored:
            return stored
    if name in race.parameters and same_kind(race.parameters[name], serving.parameters):
        return race.choice.scores[name]
    return race.field.score(name, forecaster, progress)


def judge(race: Race, serving: ModelVersion, rival: Scores, margin: float, drifted: bool = False) -> Verdict:
    """Compare what models are chosen by. A champion that does not even beat the floor has no margin to defend."""
    loss = race.choice.loss
    old, new, floor = rival[loss], race.winner[loss], race.choice.scores[race.floor][loss]
    grain = race.field.grain
    windows = f"the same {len(race.field.cutoffs)} backtest windows of up to {grain.horizon} {grain.unit}"
    name = naming(serving)
    if old is None or new is None or floor is None:
        return _stays(
            f"{name} stays in charge: nothing was sold in {windows}, so that the two are even.", serving, rival
        )
    if serving.model_type != race.floor and old > floor:
        why = f"It replaces {name}, which does not beat {race.floor} over {windows} ({old:.3f} against {floor:.3f})."
        return Verdict(True, why, serving, rival)
    gain = 1 - new / old if old > 0 else 0.0
    found = "the same" if new == old else f"{abs(gain):.2%} {'less' if gain > 0 else 'more'}"
    losses = f"over {windows} it has a {LOSSES[loss]} of {new:.3f} against {old:.3f}"
    if gain > 0 and gain >= margin:
        return Verdict(True, f"It replaces {name}: {losses} ({found}).", serving, rival)
    if drifted and gain >= 0:
        return Verdict(True, f"It replaces {name}, whose forecasts have drifted: {losses} ({found}).", serving, rival)
    asked = "less" if margin == 0 else f"{margin:.2%} less"
    return _stays(f"It does not replace {name}: {losses} ({found}, where {asked} is asked for).", serving, rival)


def overtaken(now: ModelVersion | None) -> Verdict:
    """The verdict where another version was put in charge while this one was trained."""
    name = naming(now) if now else "no version"
    return _stays(f"{name} was put in charge while this one was trained, so that the two were not compared.", now, None)


def _stays(reason: str, serving: ModelVersion | None, rival: Scores | None) -> Verdict:
    return Verdict(False, reason[:1].upper() + reason[1:], serving, rival)


def naming(row: ModelVersion) -> str:
    """How reasons name a version."""
    return f"version {row.version} ({row.model_type})"


def period_name(day: date, grain: Grain) -> str:
    """A period by its first day, in words."""
    return f"{day:%B %Y}" if grain.freq == "MS" else f"{day.day} {day:%B %Y}"
