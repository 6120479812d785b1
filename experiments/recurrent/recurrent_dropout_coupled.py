"""Dropout of update vectors does more together with dropout of the non-recurrent connections."""

import itertools

from experiments.recurrent._regularized import NONE, PLACES, Changes, fit_arms, judged, lowest, numbers, tried
from jaxtricks.evaluate.claim import (
    Axes,
    Chosen,
    Claim,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    curves,
    expect,
    sizes,
)
from jaxtricks.evaluate.verdict import Decision

LOW, HIGH = "coupled at the low rate", "coupled at the high rate"
RECURRENT, FORWARD, COUPLED = "recurrent alone", "forward alone", "coupled"


def measure(scale: Scale) -> Outcome:
    """The language model of `nonrecurrent_dropout` with dropout of the update vectors (recurrent) and of the non-recurrent
    connections (forward), both or one of them. Rates of each are 0.1, 0.25 and 0.5; the best pair and the best rates alone are
    chosen by four restarts and windows that nothing is judged on, and then each arm's learning rate, on a ladder from 0.01 to
    0.04 that goes on while the best lies at its edge. Judged are, on each seed's lowest validation loss over the epochs, the best
    pair against the best recurrent rate alone; and whether the gain of forward dropout depends on its rate: the best recurrent
    rate coupled with 0.5 against the same coupled with 0.1. All arms are one program, with rates of zero.
    """
    grid = scale.pick(smoke=(0.2,), cpu=(0.1, 0.25, 0.5), full=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6))

    def both(recurrent: float, forward: float) -> Changes:
        return PLACES["update vectors"](recurrent) | PLACES["non-recurrent"](forward)

    pairs = [rates for rates in itertools.product((0.0, *grid), repeat=2) if any(rates)]
    losses = tried({rates: both(*rates) for rates in pairs}, scale)
    recurrent = min(grid, key=lambda rate: losses[rate, 0.0])
    forward = min(grid, key=lambda rate: losses[0.0, rate])
    best = min(itertools.product(grid, grid), key=losses.__getitem__)
    chosen = {
        NONE: (0.0, 0.0),
        RECURRENT: (recurrent, 0.0),
        FORWARD: (0.0, forward),
        COUPLED: best,
        LOW: (recurrent, grid[0]),
        HIGH: (recurrent, grid[-1]),
    }
    arms, learning = fit_arms({name: both(*rates) for name, rates in chosen.items()}, scale)
    gain = judged(arms, RECURRENT, (COUPLED,))[COUPLED]
    depends = judged(arms, LOW, (HIGH,))[HIGH]
    gains = {name: Estimate.of(lowest(arms[RECURRENT]) - lowest(arms[name])) for name in (LOW, HIGH)}
    return Outcome(
        parts=[
            expect("coupled has less loss than recurrent alone", gain, Decision.HELPS),
            expect("the gain depends on the rate", depends, Decision.HELPS, Decision.HURTS),
        ],
        effect=f"lowest validation loss, recurrent {best[0]:g} and forward {best[1]:g} against recurrent {recurrent:g} alone: "
        f"{gain}; with recurrent {recurrent:g}, forward dropout gains {gains[LOW]:+.3f} nats at {grid[0]:g} and "
        f"{gains[HIGH]:+.3f} at {grid[-1]:g}",
        numbers=numbers(arms, {COUPLED: gain, HIGH: depends}) | {"gains": gains},
        series=curves(arms, "nll"),
        axes=Axes("epoch", "validation loss (nats a character)"),
        chosen={
            f"{name}, {kind}": Chosen(rate, grid, edge=rate in (grid[0], grid[-1]))
            for name, pair in chosen.items()
            for kind, rate in zip(("recurrent", "forward"), pair, strict=True)
            if name in (RECURRENT, FORWARD, COUPLED) and rate
        }
        | learning,
        sizes=sizes(arms[NONE]),
    )


CLAIM = Claim(
    rows=("T070",),
    lecture=2,
    statement="we observe an improvement in the network's performance when our recurrent dropout is coupled with the standard "
    "forward dropout, though the extent of this improvement depends on the values of dropout rates",
    papers=(Paper("Semeniuta+ 2016: the sentence is the abstract's", "A"),),
    refuted_by="The paired verdict on the lowest validation loss is 'hurts' or 'no difference' for the best pair of rates "
    "against the best recurrent rate alone, or 'no difference' for the best recurrent rate coupled with the highest "
    "forward rate against the lowest.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-28",
            "16 restarts in place of 8, and rates chosen on windows that are not judged",
            "8 restarts decide little, and rates had been chosen on windows that were judged; the result had been seen",
            Ruling.INCONCLUSIVE,
        ),
        Earlier(
            "2026-11-28",
            "each arm has a learning rate of its own",
            "one rate for all may suit one of them; the result by one rate had been seen",
            Ruling.INCONCLUSIVE,
        ),
    ),
    seeds=Scales(cpu=16),
)
