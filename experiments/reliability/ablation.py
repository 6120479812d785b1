"""Of the best language model that we build, each part is left out alone."""

from typing import Any, NamedTuple

import jaxtricks as jt
from experiments.measures import final_loss, tuned
from jaxtricks.evaluate.claim import Axes, Chosen, Claim, Curve, Estimate, Outcome, Paper, Scale, expect, sizes
from jaxtricks.evaluate.verdict import Decision
from jaxtricks.nn.recurrent_dropout import Variational


class Piece(NamedTuple):
    """A part of the model.

    Args:
        path: of its setting.
        start: what it begins as.
        strength: the number of it that is tuned; empty for none.
        ladder: the values that are tried at first.
    """

    path: str
    start: Any
    strength: str
    ladder: tuple[float, ...]


WORDS = Variational(words=0.1, inputs=0.0, recurrent=0.0, outputs=0.0)
PARTS = {
    "dropout": Piece("model.dropout", 0.3, ".rate", (0.2, 0.28, 0.4)),
    "embedding dropout": Piece("model.variational", WORDS, ".words", (0.05, 0.1, 0.2)),
    "weight-dropping": Piece("model.drop_connect", 0.2, ".rate", (0.1, 0.2, 0.4)),
    "activation penalty": Piece("model.activation_penalty", 0.1, "", (0.03, 0.1, 0.3)),
    "averaging": Piece("optimizer.averaging", jt.optim.SWA(start=0.5), "", ()),
}


def built(scale: Scale, data: jt.Dataset) -> tuple[jt.Experiment, dict[str, Chosen]]:
    """The best model: all parts, the strength of each chosen after the other, on examples that nothing is judged on.

    Args:
        scale: of the claim.
        data: for tuning.
    """
    width, rate = scale.pick(smoke=8, cpu=32, full=512), scale.pick(smoke=0.02, cpu=0.02, full=0.002)
    best = jt.Experiment(
        model=jt.RNN(embedding=width, widths=(width, width)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=rate), clip_norm=1.0),
        batch_size=scale.pick(smoke=8, cpu=16, full=32),
        epochs=scale.budget(smoke=2, cpu=60, full=120),
    ).replace({part.path: part.start for part in PARTS.values()})
    chosen: dict[str, Chosen] = {}
    for name, part in PARTS.items():
        if part.ladder:
            ladder = scale.pick(smoke=part.ladder[:1], cpu=part.ladder, full=part.ladder)
            path = part.path + part.strength
            chosen |= tuned({name: best}, data, ladder, score=final_loss, seeds=scale.tuning, path=path)
            best = best.replace({path: chosen[name].value})
    return best, chosen


def measure(scale: Scale) -> Outcome:
    """A character model of two LSTMs of 32 units with the parts of Merity's AWD-LSTM that fit its size: dropout of inputs and
    outputs of the layers, dropout of whole characters (embedding dropout), DropConnect of the recurrent weights (that is
    weight-dropping), the activation penalty, and averaged weights (the mean over the last half of all steps, for NT-ASGD); 60
    epochs of Adam (0.02) in batches of 16 windows of 32 characters of CPython's documentation, 80 to train on and 40 to
    validate on. All strengths but that of averaging are chosen one after the other on other windows. `jaxtricks.ablate` then
    leaves out each part alone, and judges the last validation loss against that of the whole, p corrected over the five parts.
    The lecture gives the method and no number; judged is the paper's claim that each part carries some of the result.
    """
    pool = jt.load("python_topics", text=jt.Text("char", length=scale.pick(smoke=8, cpu=32, full=100)))
    size = scale.pick(smoke=24, cpu=120, full=1_500)
    best, chosen = built(scale, scale.tuning_examples(pool, size, 1 / 3))
    paths = [part.path for part in PARTS.values()]
    found = jt.ablate(best, scale.examples(pool, size, 1 / 3), tricks=paths, metric="nll", seeds=scale.restarts, tune=None)
    by_path = {verdict.label.removeprefix("without ").partition("=")[0]: verdict for verdict in found.left_out}
    names = {part.path: name for name, part in PARTS.items()}
    in_order = {names[path]: verdict for path, verdict in by_path.items()}
    rises = {name: Estimate(verdict.difference, *verdict.interval) for name, verdict in in_order.items()}
    whole = Estimate.over(found.baseline, found.baseline.metrics["nll"])
    told = "; ".join(f"without {name} {str(verdict).removeprefix(verdict.label + ' ')}" for name, verdict in in_order.items())
    means, lows, highs = zip(*((rise.mean, rise.low, rise.high) for rise in rises.values()), strict=True)
    return Outcome(
        parts=[expect(f"without {name} it is worse", in_order[name], Decision.HURTS, kind="paper") for name in PARTS],
        effect=f"validation loss {whole:.3f} nats a character with all parts; {told}",
        numbers={
            "whole": whole,
            "verdicts": {name: verdict.to_dict() for name, verdict in in_order.items()},
        },
        series=(Curve("left out", tuple(1.0 + i for i in range(len(rises))), means, lows, highs),),
        axes=Axes("part that is left out", "rise in validation loss (nats a character)", places=tuple(rises)),
        chosen=chosen,
        sizes=sizes(found.baseline),
    )


CLAIM = Claim(
    rows=("T113",),
    lecture=3,
    statement="Which features have the most impact? 1) Build the best model you can. 2) Remove features one-by-one. 3) Measure "
    "impact step by step.",
    papers=(
        Paper(
            "Merity+ 2018, Table 4, Penn Treebank, validation perplexity: without embedding dropout 62.7, without NT-ASGD 63.7, "
            "without weight-dropping 68.9",
            "V",
        ),
    ),
    refuted_by="The paired verdict on the validation loss without one of the parts, dropout, embedding dropout, weight-dropping, "
    "the activation penalty or averaging, against the whole model is 'helps' or 'no difference'.",
    measure=measure,
    kind="paper",
)
