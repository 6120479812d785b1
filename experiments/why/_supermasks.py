"""What the claims on masks share: one network on small images, whose weights are trained, or whose weights are masked."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxtricks as jt
from experiments.measures import RATE, tuned, wrong
from jaxtricks.evaluate.claim import Chosen, Estimate, Scale
from jaxtricks.evaluate.compare import verdicts

NEAR = 0.03  # of accuracy: about what Zhou+ report between the trained network and a learnt mask, 98% and 95.3%
TRAINED, BERNOULLI, EDGE_POPUP = "trained weights", "Bernoulli mask", "edge-popup mask"
KEPT = 0.5  # the share of weights that edge-popup keeps
LADDERS = {
    TRAINED: (0.1, 0.3),
    BERNOULLI: (100.0, 300.0),
    EDGE_POPUP: (1.0, 3.0),
}
NOTHING = 1e-30  # a learning rate at which no weight moves


def pool(scale: Scale) -> jt.Dataset:
    """MNIST with means of 2×2 pixels, 14×14 numbers an image; at full scale all pixels, at smoke scale digits."""
    if scale.name == "smoke":
        return jt.load("digits")
    mnist = jt.load("mnist")
    if scale.name == "full":
        return mnist
    small = mnist.x.reshape(len(mnist), 14, 2, 14, 2).astype(np.float32).mean(axis=(2, 4))
    return jt.Dataset.from_arrays(small, mnist.y, name="mnist 14x14", scale=mnist.scale)


def sample(scale: Scale) -> tuple[int, float]:
    """How many images are taken, for tuning and for judging each, and the share of them that is validated on."""
    return scale.pick(smoke=(200, 1 / 2), cpu=(3_000, 1 / 3), full=(40_000, 1 / 5))


def network(scale: Scale) -> jt.Experiment:
    """A ReLU network of 300 and 100 units from He's normal, momentum 0.9 along a cosine, batches of 100, 40 epochs."""
    return jt.Experiment(
        model=jt.MLP(widths=scale.pick(smoke=(16,), cpu=(300, 100), full=(300, 100)), kernel_init=jt.nn.HeNormal()),
        optimizer=jt.Optimizer(rule=jt.Momentum(momentum=0.9), schedule=jt.schedules.Cosine()),
        inputs=jt.experiment.Unit(),
        batch_size=scale.pick(smoke=50, cpu=100, full=128),
        epochs=scale.budget(smoke=2, cpu=40, full=100),
    )


def masked(experiment: jt.Experiment, by: jt.models.Masking, constant: float | None = None) -> jt.Experiment:
    """The same network with weights that do not change, and a mask over them."""
    return experiment.replace({"model": jt.models.Masked(model=experiment.model, by=by, constant=constant)})


def popup() -> jt.models.Masking:
    """The half of each layer's weights whose scores are largest in size."""
    return jt.models.EdgePopup(keep=KEPT)


def fitted(
    arms: Mapping[str, jt.Experiment], ladders: Mapping[str, Sequence[float]], scale: Scale
) -> tuple[dict[str, jt.Runs], dict[str, Chosen]]:
    """The judged restarts of every arm at its own best learning rate, and those rates.

    Args:
        arms: name → experiment.
        ladders: name → learning rates to begin with; at smoke scale the last one is taken.
        scale: of the claim.
    """
    data, (size, held_out) = pool(scale), sample(scale)
    best: dict[str, Chosen] = {}
    for name, arm in arms.items():
        ladder = ladders[name][-1:] if scale.name == "smoke" else ladders[name]
        best |= tuned({name: arm}, scale.tuning_examples(data, size, held_out), ladder, score=wrong, seeds=scale.tuning)
    trials = [arm.replace({RATE: best[name].value}) for name, arm in arms.items()]
    return dict(zip(arms, jt.fit(trials, scale.examples(data, size, held_out), seeds=scale.restarts), strict=True)), best


def untrained(runs: Mapping[str, jt.Runs]) -> dict[str, jt.Runs]:
    """The same restarts as they start: with the weights and masks before the first step."""
    several = list(runs.values())
    arms = [each.experiment.replace({RATE: NOTHING, "epochs": 1}) for each in several]
    return dict(zip(runs, jt.fit(arms, several[0].data, seeds=several[0].seeds.tolist(), progress=False), strict=True))


def fixed(runs: jt.Runs, start: jt.Runs) -> bool:
    """Whether the kernels under the masks are, to the bit, those that the network itself has as it starts.

    Args:
        runs: masked restarts.
        start: restarts of the network itself, untrained.
    """
    here, there = runs.weights.arrays, start.weights.arrays
    kernels = [path.partition("/")[2] for path in there if path.endswith("kernel")]
    return all(np.array_equal(here[f"weights/{path}"], there[f"params/{path}"]) for path in kernels)


def accuracy(runs: jt.Runs) -> Float[np.ndarray, " runs"]:
    """The share of validation examples that are classified right after the last epoch; 0 for a run that diverged."""
    return 1 - wrong(runs)


def lost(full: jt.Runs, less: jt.Runs) -> Estimate:
    """How much less of the validation examples the second arm classifies right than the first, restart by restart, on new data.

    Args:
        full: restarts.
        less: restarts of the same seeds.
    """
    (verdict,) = verdicts(full, {"less": less}, metric="accuracy")
    finding = verdict.headline
    low, high = finding.interval
    each = tuple((accuracy(full) - accuracy(less)).tolist())
    freedom = finding.freedom if finding.freedom > 0 else math.inf
    return Estimate(-verdict.difference, -high, -low, each, freedom, finding.scope)


def with_params(runs: jt.Runs, params: Any) -> Float[np.ndarray, " runs"]:
    """The validation accuracy of the same network, on the same examples, with other parameters.

    Args:
        runs: restarts of a Linen network without other variables.
        params: theirs, each array with a leading axis [runs].
    """
    member, model = runs.members, runs.experiment.model
    x = (runs.data.x[member.validation] - member.shift[:, None]) / member.scale[:, None]

    def one(args: tuple[Any, Array]) -> Any:
        return model.apply({"params": args[0]}, args[1], train=False)

    logits = np.asarray(jax.lax.map(one, (params, jnp.asarray(x, jnp.float32))))
    right: Float[np.ndarray, " runs"] = (logits.argmax(axis=2) == runs.data.y[member.validation]).mean(axis=1)
    return right


def points(estimate: Estimate) -> str:
    """A difference of accuracies in points, with its interval.

    Args:
        estimate: of shares, in [-1, 1].
    """
    return f"{estimate.through(lambda share: 100 * share):+.2f}"
