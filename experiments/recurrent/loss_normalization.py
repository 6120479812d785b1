"""The best learning rate stays where it is from one window length to another if losses are divided by the maximum length."""

import itertools

import numpy as np
from jaxtyping import Float

import jaxtricks as jt
from experiments.measures import RATE, estimates, final_loss
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, Scales, settle

DIVIDED, SUMMED = "max_length", "sum"


def measure(scale: Scale) -> Outcome:
    """A language model of one LSTM of 32 units on windows of 8, 32 and 128 characters of Python's help topics, 75 updates at
    each length, batch 16, no clipping, at every rate of one grid: by plain SGD, whose steps scale with the loss, from 4⁻⁶ to
    4⁴; and by Adam, whose steps do not but for its ε, from 4⁻⁵ to 4⁻². Losses are divided by the maximum length or only summed;
    the mean over tokens is no third arm, since on whole windows it is the same as "max_length". A seed's best rate ends at its
    lowest validation loss. Judged is, under SGD, by how many octaves the best rate moves over the lengths, seed by seed:
    more where losses are summed than where they are divided. Adam is shown and not judged.
    """
    lengths = scale.pick(smoke=(4, 8), cpu=(8, 32, 128), full=(16, 64, 256))
    size, epochs = scale.pick(smoke=40, cpu=500, full=2_000), scale.budget(smoke=1, cpu=3, full=4)
    grids: dict[str, tuple[float, ...]] = scale.pick(
        smoke={"SGD": (0.25, 1.0)},
        cpu={"SGD": tuple(4.0**n for n in range(-6, 5)), "Adam": tuple(4.0**n for n in range(-5, -1))},
        full={"SGD": tuple(2.0**n for n in range(-8, 7)), "Adam": tuple(2.0**n for n in range(-12, -2))},
    )
    rules: dict[str, jt.optim.Rule] = {"SGD": jt.SGD(), "Adam": jt.Adam()}
    units = scale.pick(smoke=4, cpu=32, full=256)
    base = jt.Experiment(model=jt.RNN(embedding=units, widths=(units,)), batch_size=16, epochs=epochs)
    losses: dict[tuple[str, str], list[Float[np.ndarray, "rates seeds"]]] = {}
    for length in lengths:
        data = scale.examples(jt.load("python_topics", text=jt.Text("char", length=length)), size)
        trials = {
            (rule, reduction, rate): base.replace({"optimizer.rule": rules[rule], RATE: rate, "objective.reduction": reduction})
            for rule, rates in grids.items()
            for reduction in (DIVIDED, SUMMED)
            for rate in rates
        }
        fitted = dict(zip(trials, jt.fit(list(trials.values()), data, seeds=scale.restarts), strict=True))
        for rule, reduction in itertools.product(grids, (DIVIDED, SUMMED)):
            ends = [final_loss(fitted[rule, reduction, rate]) for rate in grids[rule]]
            losses.setdefault((rule, reduction), []).append(np.stack(ends))
    octaves = {
        arm: np.log2(np.array([np.array(grids[arm[0]])[each.argmin(axis=0)] for each in found])) for arm, found in losses.items()
    }
    moved = {arm: np.ptp(best, axis=0) for arm, best in octaves.items()}
    edges = sum(
        int(np.isin(each, np.log2([grids[rule][0], grids[rule][-1]])).sum())
        for (rule, _), each in octaves.items()
        if rule == "SGD"
    )
    more = Estimate.over(next(iter(fitted.values())), moved["SGD", SUMMED] - moved["SGD", DIVIDED])
    named = estimates({f"{rule}, {reduction}": values for (rule, reduction), values in moved.items()})
    return Outcome(
        parts=[settle("the best rate moves less where losses are divided", more, above=0)],
        effect=f"over windows of {', '.join(map(str, lengths))} characters the best rate moves by "
        + "; ".join(f"{estimate:.1f} octaves ({name})" for name, estimate in named.items()),
        numbers={
            "octaves": named,
            "summed_minus_divided": more,
            "best_rates_at_the_edge": edges,
            "log2_best_rate": {", ".join(arm): [Estimate.of(each) for each in best] for arm, best in octaves.items()},
        },
        series=tuple(Curve.over_seeds(", ".join(arm), lengths, best.T) for arm, best in octaves.items()),
        axes=Axes("steps of a window", "log₂ of the best learning rate", log="x"),
    )


CLAIM = Claim(
    rows=("T051",),
    lecture=2,
    statement="This makes it easier to reuse hyper parameters between experiments.",
    papers=(Paper("Hafner 2017, Tips for training recurrent neural networks, whose words these are", "V"),),
    refuted_by="Under SGD, the 95% interval of the mean of the octaves by which the best rate moves over the lengths, of summed "
    "losses minus of divided ones, lies at or below 0.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "the grid of SGD goes from 4⁻⁶ to 4⁴ in place of 4⁻³ to 4³, and there are 16 restarts in place of 8",
            "summed losses had their best rate at the lower edge of the grid; the result had been seen",
            Ruling.SUPPORTED,
        ),
    ),
    seeds=Scales(cpu=16),
)
