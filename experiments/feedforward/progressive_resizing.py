"""Small images first, and large ones at the end."""

import numpy as np

import jaxtricks as jt
from experiments.measures import RATE, climbed, estimates, halved, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

RATES = (1e-3, 3e-3, 1e-2)
MARGIN = 0.01  # of accuracy
FULL, GROWN = "full size", "half size first"


def trained(network: jt.Experiment, data: jt.Dataset, seeds: range, phases: tuple[int, int]) -> jt.Runs:
    """Runs of so many epochs on images of half the size, and then so many on whole ones, from the weights of the first.

    Args:
        network: whose weights do not depend on the size of images.
        data: whole images.
        seeds: of the restarts, which have the same examples in both phases.
        phases: epochs of each; without the first, there is only the second.
    """
    small, whole = phases
    last = network.replace({"epochs": whole})
    if not small:
        return jt.fit(last, data, seeds=seeds, progress=False)
    before = jt.fit(network.replace({"epochs": small}), halved(data, rounded=False), seeds=seeds, progress=False)
    return jt.fit(last, data, seeds=jt.Seeds(seeds, transfer=jt.Transfer(before, by_place=True)), progress=False)


def measure(scale: Scale) -> Outcome:
    """A convolutional network (8 and 16 channels, the mean over places into the head, so that its weights fit every size) on
    1 200 MNIST digits (400 more to validate on), Adam, batch 50: 8 epochs at 28×28, or 8 at 14×14, each pixel the mean of
    four, and then 2 at 28×28 with the same weights, which are half as many multiplications in all. Each has its best learning
    rate by the final validation accuracy, for both phases alike, on a ladder from 1e-3 to 0.01 that goes on while the best
    lies at its edge, on four restarts and on digits that nothing is judged on. Judged is the final accuracy on whole
    validation images, which may not be lower by a point. The lecture says only that hacks may be used: this one is fast.ai's.
    """
    pool = jt.load(scale.pick(smoke="digits", cpu="mnist", full="mnist"))
    size, held_out = scale.pick(smoke=(200, 0.25), cpu=(1_600, 0.25), full=(60_000, 1 / 6))
    network = jt.Experiment(
        model=jt.CNN(channels=scale.pick(smoke=(4,), cpu=(8, 16), full=(32, 64)), head="average"),
        inputs=jt.experiment.Unit(),
        batch_size=50,
    )
    many, few = scale.budget(smoke=1, cpu=8, full=16), scale.budget(smoke=1, cpu=2, full=4)
    arms = {FULL: (0, many), GROWN: (many, few)}
    data, others = scale.examples(pool, size, held_out), scale.tuning_examples(pool, size, held_out)
    ladder = scale.pick(smoke=RATES[1:2], cpu=RATES, full=RATES)
    runs, chosen = {}, {}
    for name, phases in arms.items():

        def gain(rate: float, phases: tuple[int, int] = phases) -> float:
            return -float(wrong(trained(network.replace({RATE: rate}), others, scale.tuning, phases)).mean())

        chosen[name] = climbed(gain, ladder)
        runs[name] = trained(network.replace({RATE: chosen[name].value}), data, scale.restarts, phases)
    accuracy = {name: 1 - wrong(each) for name, each in runs.items()}
    change = Estimate.over(runs[FULL], accuracy[GROWN] - accuracy[FULL])
    work = {name: small / 4 + whole for name, (small, whole) in arms.items()}  # epochs of whole images
    ends = {name: runs[name].curves["accuracy"] for name in arms}
    return Outcome(
        parts=[settle("with half of the work it is no less accurate", change, above=-MARGIN, kind="paper")],
        effect=f"for {work[GROWN] / work[FULL]:.0%} of the multiplications, half size first changes accuracy by {change:+.2%} "
        f"({accuracy[FULL].mean():.1%} at full size)",
        numbers={"accuracy": estimates(accuracy), "change": change, "work": work},
        series=tuple(
            Curve.over_seeds(name, work[name] - arms[name][1] + np.arange(1, arms[name][1] + 1), values)
            for name, values in ends.items()
        ),
        axes=Axes("work, in epochs of whole images", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(runs[FULL]),
    )


CLAIM = Claim(
    rows=("T110",),
    lecture=1,
    statement="My results are bad … Use hacks (e.g. from fast.ai course)",
    papers=(Paper("Howard and Gugger 2020, fastai: progressive resizing", "R"),),
    refuted_by="The 95% interval of the mean change in validation accuracy, half size first against full size, lies at or below "
    "-1 point.",
    measure=measure,
    kind="paper",
)
