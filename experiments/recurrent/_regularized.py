"""A small language model that overfits, and noise in one place or another of its LSTMs at the best of a few rates."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, tuned
from experiments.recurrent._zeroed import Zeroed
from jaxtricks.evaluate.claim import Chosen, Estimate, Scale
from jaxtricks.evaluate.design import Drawn, design_of
from jaxtricks.evaluate.verdict import Comparison, Measure, Verdict, judge_family
from jaxtricks.nn.recurrent_dropout import Variational, Zoneout
from jaxtricks.objectives.metrics import METRICS

Changes = dict[str, Any]
Key = TypeVar("Key")

NONE = "none"
# What noise of one rate changes, by the place that it is in. Zoneout's cells and states stand in the proportion 0.5 : 0.05 of
# Krueger's character models; only its rate of cells is named.
PLACES: dict[str, Callable[[float], Changes]] = {
    "non-recurrent": lambda rate: {"model.dropout": rate},
    "variational": lambda rate: {"model.variational": Variational(words=0.0, inputs=rate, recurrent=rate, outputs=rate)},
    "hidden states": lambda rate: {"model.variational": Variational(words=0.0, inputs=0.0, recurrent=rate, outputs=0.0)},
    "hidden states, anew in each step": lambda rate: {"model.zoneout": Zeroed(cell=0.0, state=rate)},
    "update vectors": lambda rate: {"model.update_dropout": rate},
    "zoneout": lambda rate: {"model.zoneout": Zoneout(cell=rate, state=rate / 10)},
    "recurrent weights": lambda rate: {"model.drop_connect": rate},
}


def rates(scale: Scale) -> tuple[float, ...]:
    """The grid of every place."""
    return scale.pick(smoke=(0.2,), cpu=(0.05, 0.1, 0.2, 0.4, 0.6, 0.8), full=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7))


def text(scale: Scale, *, tuning: bool) -> jt.Dataset:
    """Python's help topics by the character, in windows: so few that a model of them overfits, a third of them held out.

    Args:
        scale: of the claim.
        tuning: whether settings are chosen on them, or they are judged on.
    """
    data = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=8, cpu=32, full=100)))
    size = scale.pick(smoke=24, cpu=120, full=1_500)
    return (scale.tuning_examples if tuning else scale.examples)(data, size, 1 / 3)


def language_model(scale: Scale) -> jt.Experiment:
    """Two LSTMs of 32 units (512 at full scale), 80 epochs of Adam (0.02; 0.002), batch 16, gradients clipped to norm 1.

    The learning rate is where each arm's own begins to be looked for.
    """
    widths = scale.pick(smoke=(8,), cpu=(32, 32), full=(512, 512))
    return jt.Experiment(
        model=jt.RNN(embedding=widths[0], widths=widths),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=scale.pick(smoke=0.02, cpu=0.02, full=0.002)), clip_norm=1.0),
        batch_size=scale.pick(smoke=8, cpu=16, full=32),
        epochs=scale.budget(smoke=2, cpu=80, full=60),
    )


def lowest(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Each restart's lowest validation loss over the epochs, in nats a character: what early stopping would have kept."""
    return np.nanmin(runs.curves["nll"], axis=1)


def tried(trials: Mapping[Key, Changes], scale: Scale) -> dict[Key, float]:
    """The mean `lowest` loss of the language model with each trial's changes, over the restarts for tuning; nothing for a
    lone one.
    """
    if len(trials) == 1:
        return dict.fromkeys(trials, 0.0)
    base = language_model(scale)
    runs = jt.fit([base.replace(changes) for changes in trials.values()], text(scale, tuning=True), seeds=scale.tuning)
    return {name: float(lowest(each).mean()) for name, each in zip(trials, runs, strict=True)}


def fit_places(places: Sequence[str], scale: Scale) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """The restarts without noise and with noise in each place, and the rates of each: the best noise of the one grid, then the
    best learning rate with it.

    Args:
        places: keys of `PLACES`.
        scale: of the claim.
    """
    chosen = {}
    for place in places:
        grid = rates(scale)
        losses = tried({rate: PLACES[place](rate) for rate in grid}, scale)
        best = min(losses, key=losses.__getitem__)
        chosen[place] = Chosen(best, grid, edge=best in (grid[0], grid[-1]))
    arms: dict[str, Changes] = {NONE: {}} | {place: PLACES[place](rate.value) for place, rate in chosen.items()}
    fitted, learning = fit_arms(arms, scale)
    return fitted, chosen | learning


def fit_arms(arms: Mapping[str, Changes], scale: Scale) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """The restarts of the language model with each arm's changes, and its learning rate: the best by its `lowest` loss."""
    base = language_model(scale)
    changed = {name: base.replace(changes) for name, changes in arms.items()}
    ladder = scale.pick(smoke=(0.02,), cpu=(0.01, 0.02, 0.04), full=(0.001, 0.002, 0.004))
    best = tuned(changed, text(scale, tuning=True), ladder, score=lowest, seeds=scale.tuning)
    trials = [experiment.replace({RATE: best[name].value}) for name, experiment in changed.items()]
    runs = jt.fit(trials, text(scale, tuning=False), seeds=scale.restarts)
    return dict(zip(arms, runs, strict=True)), {f"{name}, learning rate": rate for name, rate in best.items()}


def judged(arms: Mapping[str, jt.Runs], baseline: str, changes: Sequence[str]) -> dict[str, Verdict]:
    """The verdicts on the `lowest` losses of some arms against one of them, corrected over all of these."""
    without = lowest(arms[baseline])
    design = design_of(Drawn(arms[baseline].sampling, arms[baseline].data))  # of the lowest loss no example is known
    family = [Comparison(name, without, lowest(arms[name]), arms[baseline].names, design=design) for name in changes]
    return dict(zip(changes, judge_family(family, Measure(METRICS["nll"].declared)), strict=True))


def numbers(arms: Mapping[str, jt.Runs], verdicts: Mapping[str, Verdict]) -> dict[str, Any]:
    """What a result keeps of trained arms: lowest and last validation losses, training losses, verdicts."""
    return {
        "lowest": {name: Estimate.of(lowest(runs)) for name, runs in arms.items()},
        "last": {name: Estimate.of(runs.metrics["nll"]) for name, runs in arms.items()},
        "last_training": {name: Estimate.of(runs.curves["train_loss"][:, -1]) for name, runs in arms.items()},
        "diverged": {name: sorted(runs.diverged) for name, runs in arms.items()},
        "verdicts": {name: verdict.to_dict() for name, verdict in verdicts.items()},
    }
