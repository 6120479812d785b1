"""A loss of NaN at learning rate 0 is of the data or the model; one that a rate near 0 cures is of the optimization."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.doctor.addresses import TRAIN, examples
from experiments.doctor.ill import WAYS, Ill
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Scale, Scales, premise, settle, sizes

LOW, ZERO, NONE = 1e-12, 1e-30, 1e-35  # the last two have the same weights, but for biases near their start at 0
ILL = ("log of zero", "exp", "root at zero", "norm at zero")
FAST: dict[str, Any] = {
    "SGD, rate 1e10": jt.SGD(learning_rate=1e10),
    "momentum, rate 1e10": jt.Momentum(learning_rate=1e10),
    "Adam, rate 1e20": jt.Adam(learning_rate=1e20),
}
HUGE = "numbers of 1e30 in the data"


class Fault(NamedTuple):
    """What became of one fault.

    Args:
        lost: at its own rate, at 1e-12 and at 1e-30: which restarts diverged, [3, restarts].
        found: whether replays of some restarts gave the address: of planted faults the very layer and operation.
        still: whether at 1e-30 no weight changed.
        runs: those at its own rate.
    """

    lost: Bool[np.ndarray, "rates restarts"]
    found: tuple[bool, ...]
    still: bool
    runs: jt.Runs


def measure(scale: Scale) -> Outcome:
    """Eight faults. Of the model: a network of three layers that at one of 48 examples takes the logarithm of zero, overflows in
    exp, or has the gradient of a root or of a norm at zero, by SGD at rate 0.01. Of the data: 1e30 in place of one number of
    three examples. Of the optimization: an MLP of leaky ReLUs at a rate of 1e10 with SGD or momentum, or 1e20 with Adam. Each is
    trained for two epochs of six steps at its own rate, at 1e-12 and at 1e-30, at which no weight changes, as at 0; counted are
    the restarts that diverge. Four restarts of each are replayed, which has to name an operation, and for the faults of the model
    the one that was planted, in its layer.
    """
    faults = {name: _trained(name, scale) for name in tqdm((*ILL, HUGE, *FAST), unit="fault")}
    inner, outer = [faults[name] for name in (*ILL, HUGE)], [faults[name] for name in FAST]
    stays = Estimate.share(np.concatenate([fault.lost[2] for fault in inner]))
    low = Estimate.share(np.concatenate([fault.lost[1] for fault in inner]))
    cured = Estimate.share(np.concatenate([~fault.lost[1:].any(axis=0) for fault in outer]))
    found = Estimate.share(np.array([each for fault in faults.values() for each in fault.found]))
    every = all(fault.lost[0].all() for fault in faults.values())
    still = all(fault.still for fault in faults.values())
    return Outcome(
        parts=[
            premise("each fault is one, at its own rate", every, "all restarts diverge"),
            premise("a rate of 1e-30 is one of 0", still, "no weight changes by 1e-20"),
            settle("of the data or the model: still there at rate 0", stays, above=0.9, kind="paper"),
            settle("and at an absurdly low one", low, above=0.9, kind="paper"),
            settle("of the optimization: gone at both", cured, above=0.8, kind="paper"),
            settle("localized", found, above=0.8, kind="paper"),
        ],
        effect=f"at rate 0 {stays.mean:.0%} of the restarts with a fault of data or model diverge, at 1e-12 {low.mean:.0%}; of "
        f"those with a rate that is too high {1 - cured.mean:.0%} do at one; replays found {found.mean:.0%} of the addresses",
        numbers={"still_there": stays, "still_there_at_1e-12": low, "cured": cured, "localized": found},
        series=(_shares("data or model", inner), _shares("optimization", outer)),
        axes=Axes("learning rate", "share of restarts that diverge", places=("its own", "1e-12", "0")),
        sizes=sizes(faults[HUGE].runs),
    )


def _shares(label: str, faults: list[Fault]) -> Curve:
    each = [Estimate.share(np.concatenate([fault.lost[rate] for fault in faults])) for rate in range(3)]
    ends = ((share.mean for share in each), (share.low for share in each), (share.high for share in each))
    return Curve(label, (1.0, 2.0, 3.0), *map(tuple, ends))


def _trained(name: str, scale: Scale) -> Fault:
    data = examples()
    base = jt.Experiment(
        model=jt.MLP(widths=(8, 8, 8), activation=jt.nn.LeakyReLU()), inputs=jt.experiment.Raw(), batch_size=8, epochs=2
    )
    if name in ILL:
        base = base.replace({"model": Ill(way=name, layer=1.0, example=5.0)})
    else:
        x = np.asarray(data.x)[:, 1:].copy()
        if name == HUGE:
            x[:3, 0] = 1e30  # of three classes
        data = jt.Dataset.from_arrays(x[:TRAIN], data.y[:TRAIN], validation=(x[TRAIN:], data.y[TRAIN:]), name="planted")
    base = base.replace({"optimizer.rule": FAST.get(name, jt.SGD(learning_rate=0.01))})
    rates = [base.replace({"optimizer.rule.learning_rate": rate}) for rate in (LOW, ZERO, NONE)]
    runs, low, zero, none = jt.fit([base, *rates], data, seeds=list(scale.restarts), progress=False)
    change = np.abs(_weights(zero) - _weights(none)).max()
    lost = np.stack([~each.alive for each in (runs, low, zero)])
    found = tuple(_localized(name, runs, member) for member in range(min(4, len(runs))) if lost[0, member])
    return Fault(lost, found, bool(change < 1e-20), runs)


def _weights(runs: jt.Runs) -> Any:
    """All weights of the restarts as one row each."""
    return np.concatenate([np.asarray(leaf).reshape(len(runs), -1) for leaf in _leaves(runs.states.params)], axis=1)


def _leaves(tree: Any) -> list[Any]:
    return [leaf for each in tree.values() for leaf in _leaves(each)] if isinstance(tree, dict) else [tree]


def _localized(name: str, runs: jt.Runs, member: int) -> bool:
    address = jt.replay(runs, member=member).address
    if address is None or name not in ILL:
        return address is not None
    way = WAYS[name]
    return (address.layer, address.operation, address.direction) == ("hidden_1", way.operation, way.direction)


CLAIM = Claim(
    rows=("T104",),
    lecture=3,
    statement="NaN LOSS … Try an absurdly low learning rate and a 0 learning rate … Localize the problem",
    papers=(
        Paper(
            "our reading: NaN at rate 0 is of the data or the model, else of the optimization; and a replay has the address", "M"
        ),
    ),
    refuted_by="The 95% interval of the share of restarts with a fault of the data or the model that still diverge at rate 0, or "
    "at 1e-12, lies at or below 0.9; or that of the share with too high a rate which diverge at neither lies at or below 0.8; or "
    "that of the share of replays which name the operation does.",
    measure=measure,
    kind="paper",
    history=(
        Earlier(
            "2026-11-28",
            "fewer faults, and a fault of the data that every restart meets; judged on seeds not seen",
            "trial runs on the first seeds had shown a fault that only some restarts meet; the bounds are those of before",
        ),
    ),
    seeds=Scales(cpu=16, full=64),
    used=1,
    trains=False,
)
