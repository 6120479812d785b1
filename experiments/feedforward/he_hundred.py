"""He's weights against Glorot's at 30 and 100 layers: plain, with residual paths, and with batch norm."""

import math

import jaxtricks as jt
from experiments.feedforward._deep import Deep
from experiments.measures import estimates, final_loss, fit_tuned, wrong
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Estimate, Outcome, Paper, Scale, settle, sizes

WIDTH = 32
CHANCE = math.log(10)  # the loss of knowing nothing about ten classes, in nats
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "residual": {"residual": True},
    "batch norm": {"normalization": jt.nn.BatchNorm()},
}
INITS: dict[str, jt.nn.Initializer] = {"Glorot": jt.nn.GlorotNormal(), "He": jt.nn.HeNormal()}
LADDER = (0.003, 0.01, 0.03)


def measure(scale: Scale) -> Outcome:
    """Fully connected ReLU networks of 30 and of 100 layers of weights, 32 units a hidden layer, on digits, from Glorot's
    normal and from He's: plain; each hidden layer but the first on a residual path, x + ReLU(Wx), with nothing that scales
    the sum; and with batch norm. SGD with momentum 0.9, batch 32, 20 epochs. Each of the twelve has its best
    learning rate by the final validation loss, on a ladder from 0.003 to 0.03 that goes on while the best lies at its edge,
    on four restarts and on digits that nothing is judged on. Stalled: diverged, or a validation loss above 95% of ln 10 at
    the end; trained: one below half of it. The lecture's words are about plain networks. That batch norm makes up for the
    scale of weights, and so takes the advantage away, is Ioffe and Szegedy's; that residual paths let both inits train at
    these depths is ours to ask. A trial of 5 epochs on four restarts, for the time that it takes, had shown that 100 plain
    layers learn nothing that soon.
    """
    layers = scale.pick(smoke=(3,), cpu=(30, 100), full=(30, 100))
    kinds = scale.pick(smoke=("plain",), cpu=tuple(KINDS), full=tuple(KINDS))
    base = jt.Experiment(
        optimizer=jt.Optimizer(jt.Momentum(momentum=0.9)), batch_size=32, epochs=scale.budget(smoke=1, cpu=20, full=100)
    )
    arms = {
        f"{kind}, {depth} layers, {init}": base.replace(
            {"model": Deep(depth - 1, (WIDTH,), jt.nn.ReLU(), INITS[init], **KINDS[kind])}  # type: ignore[arg-type]
        )
        for depth in layers
        for kind in kinds
        for init in INITS
    }
    ladder = scale.pick(smoke=LADDER[1:2], cpu=LADDER, full=LADDER)
    runs, chosen = fit_tuned(arms, jt.load("digits"), ladder, scale, score=final_loss)
    ended = {name: final_loss(each) for name, each in runs.items()}
    stalled = {name: Estimate.share(values > 0.95 * CHANCE) for name, values in ended.items()}
    trained = {name: Estimate.share(values < 0.5 * CHANCE) for name, values in ended.items()}
    accuracy = {name: 1 - wrong(each) for name, each in runs.items()}
    parts = []
    for depth in layers:
        glorot, he = (f"plain, {depth} layers, {init}" for init in INITS)
        parts += [
            settle(f"{depth} plain layers: most stall from Glorot's weights", stalled[glorot], above=0.5, scope="these examples"),
            settle(f"{depth} plain layers: most train from He's", trained[he], above=0.5, scope="these examples"),
        ]
    deepest = layers[-1]
    for kind in kinds[1:]:
        for init in INITS:
            share = trained[f"{kind}, {deepest} layers, {init}"]
            name = f"{deepest} layers, {kind}: most train from {init}'s weights"
            parts.append(settle(name, share, above=0.5, kind="paper", scope="these examples"))
    said = "; ".join(
        f"{kind}, {depth} layers: "
        + " and ".join(f"{trained[f'{kind}, {depth} layers, {init}'].mean:.0%} from {init}'s" for init in INITS)
        for depth in layers
        for kind in kinds
    )
    return Outcome(
        parts=parts,
        effect=f"share of restarts that train: {said}",
        numbers={"stalled": stalled, "trained": trained, "accuracy": estimates(accuracy)},
        series=tuple(
            Curve.over_seeds(name, range(1, base.epochs + 1), each.curves["accuracy"])
            for name, each in runs.items()
            if f"{deepest} layers" in name
        ),
        axes=Axes("epoch", "validation accuracy"),
        chosen=chosen,
        sizes=sizes(next(iter(runs.values()))),
    )


CLAIM = Claim(
    rows=("T012",),
    lecture=3,
    # The transcript's ε is the slide's c, the variance of the outputs.
    statement="If we use a ReLU activation, we expect to lose half our outputs, so we need to change ε to double the output "
    "variance.",
    papers=(
        Paper("He+ 2015, §2.2: a network of 30 layers converges with He's initialization and stalls with Xavier's", "V2"),
        Paper("Ioffe & Szegedy 2015, §3.3: BN(Wx) = BN((aW)x), so that the scale of weights does not matter", "V"),
    ),
    refuted_by="At 30 or at 100 plain layers, the 95% interval of the share of Glorot restarts that stall lies at or below one "
    "half, or that of the share of He restarts that train does. Beside it: at 100 layers with residual paths, or with batch "
    "norm, the interval of the share that trains from one of the two lies at or below one half.",
    measure=measure,
    kind="effect",
)
