"""A six turned by half a circle is a nine: some invariances harm."""

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import fit_tuned, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Earlier, Estimate, Outcome, Paper, Ruling, Scale, curves, expect, settle, sizes
from jaxtricks.evaluate.verdict import Decision

SIX, NINE = 6, 9
TURNED = "every other one turned"


def confusion(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """Each restart's share of sixes and nines in its validation split that it takes for the other of the two."""
    guesses = runs.log_probs(runs.data.x).argmax(axis=2)
    shares = []
    for guess, places in zip(guesses, np.asarray(runs.members.validation), strict=True):
        labels, guess = runs.data.y[places], guess[places]
        either = (labels == SIX) | (labels == NINE)
        shares.append(np.mean(guess[either] == SIX + NINE - labels[either]))
    return np.array(shares)


def measure(scale: Scale) -> Outcome:
    """A fully connected ReLU network of 2×256 on 4 000 MNIST digits, 20 epochs of Adam, batch 100; in one arm every other
    training digit is turned by 180°, in the other none. 1 000 digits to validate on, as they are. Each arm has its best learning
    rate by validation accuracy, on a ladder from 3e-4 to 3e-3 that goes on while the best lies at its edge, on four restarts and
    on digits that nothing is judged on. The confusion is the share of sixes taken for nines, and of nines for sixes.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(300, 1 / 3), cpu=(5_000, 0.2), full=(60_000, 1 / 6))
    upright = jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(16,), cpu=(256, 256), full=(256, 256))),
        batch_size=100,
        epochs=scale.budget(smoke=1, cpu=20, full=20),
    )
    arms = {"upright": upright, TURNED: upright.replace({"augmentation.turn": 0.5})}
    rates = scale.pick(smoke=(1e-3,), cpu=(3e-4, 1e-3, 3e-3), full=(3e-4, 1e-3, 3e-3))
    fitted, chosen = fit_tuned(arms, pool, rates, scale, score=wrong, size=size, validation=held_out)
    (verdict,) = jt.evaluate.verdicts(fitted["upright"], {TURNED: fitted[TURNED]})
    shares = {name: confusion(runs) for name, runs in fitted.items()}
    rise = Estimate.over(fitted["upright"], 100 * (shares[TURNED] - shares["upright"]))
    return Outcome(
        parts=[
            expect("validation accuracy is lower", verdict, Decision.HURTS),
            settle("more sixes and nines are confused", rise, above=0),
        ],
        effect=f"validation accuracy: {verdict}; of sixes and nines {shares['upright'].mean():.2%} are taken for the other "
        f"without and {shares[TURNED].mean():.2%} with, {rise:+.2f} points",
        numbers={
            "verdict": verdict.to_dict(),
            "confusion": {name: Estimate.of(values) for name, values in shares.items()},
            "rise": rise,
        },
        series=curves(fitted, "accuracy"),
        axes=Axes("epoch", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(fitted["upright"]),
    )


CLAIM = Claim(
    rows=("T061",),
    lecture=3,
    statement="But: some invariances can harm your performance.",
    papers=(Paper("Turning by 180° takes 6 to 9 and 9 to 6, and leaves little of what tells them apart", "M"),),
    refuted_by="The paired verdict on validation accuracy is 'helps' or 'no difference', or the 95% interval of the rise in the "
    "confusion of sixes and nines lies at or below 0.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "each arm has a learning rate of its own, chosen on examples that are not judged",
            "one rate for all may suit one of them; the result by one rate, 1e-3, had been seen",
            Ruling.SUPPORTED,
        ),
    ),
)
