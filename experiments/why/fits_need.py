"""How many weights a network needs to learn so many random labels by heart."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from tqdm.auto import tqdm

import jaxtricks as jt
from experiments.measures import estimates
from experiments.optimization._sweep import sweep
from jaxtricks import rng
from jaxtricks.evaluate.claim import Axes, Claim, Curve, Earlier, Estimate, Outcome, Paper, Ruling, Scale, settle
from jaxtricks.optim.method import Problem, Validation
from jaxtricks.optim.optimizer import assemble

FEATURES, BATCH = 10, 25


def weights(width: Float[np.ndarray, "..."] | float, depth: int) -> Any:
    """The weights and biases of a network of so many layers of so many units, with one output."""
    return (FEATURES + 1) * width + (depth - 1) * (width + 1) * width + width + 1


def learnt(depth: int, room: tuple[int, int], steps: int, setting: tuple[Array, Array], key: Key[Array, ""]) -> Array:
    """The share of random labels that a network has learnt, [].

    Units beyond its width are held at zero, which no gradient passes: so one program does for all widths, and one for all
    numbers of labels.

    Args:
        depth: hidden layers.
        room: the most units of a layer, and the most labels.
        steps: of Adam.
        setting: the units of a layer, and the number of labels.
        key: of the seed.
    """
    (widest, most), (width, number) = room, setting
    x = jax.random.normal(rng.stream(key, "points"), (most, FEATURES))
    y = jax.random.rademacher(rng.stream(key, "labels"), (most,), float)
    used = (jnp.arange(widest) < width).astype(float)
    start: list[tuple[Array, Array]] = []
    for layer, sizes in enumerate(itertools.pairwise([FEATURES, *[widest] * depth, 1])):
        fan_in = FEATURES if layer == 0 else width
        kernel = jax.random.normal(rng.stream(key, "layer", layer), sizes) * jnp.sqrt(2 / fan_in)
        start.append((kernel, jnp.zeros(sizes[1])))

    def score(layers: list[tuple[Array, Array]], x: Array) -> Array:
        for kernel, bias in layers[:-1]:
            x = jax.nn.relu(x @ kernel + bias[None]) * used[None]
        return (x @ layers[-1][0] + layers[-1][1][None])[:, 0]

    def loss(layers: list[tuple[Array, Array]], step: Array) -> Array:
        drawn = jnp.floor(jax.random.uniform(rng.stream(key, "batch", step), (BATCH,)) * number).astype(int)
        return jnp.mean(jax.nn.softplus(-y[drawn] * score(layers, x[drawn])))

    method = assemble(jt.Optimizer(rule=jt.Adam(learning_rate=0.01), schedule=jt.schedules.Cosine()), steps)

    def body(carry: tuple[Any, Any], step: Array) -> tuple[tuple[Any, Any], None]:
        problem = Problem(lambda layers: (layers, None), lambda layers, _: loss(layers, step))
        new = method.step(problem, *carry, Validation(jnp.asarray(jnp.inf), jnp.int32(0)))
        return (new.params, new.state), None

    end = jax.lax.scan(body, (start, method.init(start)), jnp.arange(steps))[0][0]
    counts = jnp.arange(most) < number
    return jnp.sum(counts * (y * score(end, x) > 0)) / number


def measure(scale: Scale) -> Outcome:
    """16 to 128 points of a 10-dimensional normal distribution with random labels ±1, of each seed's own, and ReLU networks
    of 1, 2 and 3 hidden layers of 1 to 24 units (16 where there are several) from He's normal, with biases, trained by Adam
    (0.01, along a cosine) for 3 000 steps on the logistic loss of batches of 25. A network needs the smallest of these widths
    at which all labels are right in the end (twice the widest, if that is too small). How the number of its weights grows
    with that of the labels is the slope of a line through the logarithms of both, for each seed; 1 is in proportion. Zhang+
    show that 2n + d weights can do; this is what training needs.
    """
    numbers = scale.pick(smoke=(8, 16), cpu=(16, 32, 64, 128), full=(16, 32, 64, 128, 256, 512))
    widths = scale.pick(smoke=(1, 4), cpu=(1, 2, 3, 4, 6, 8, 12, 16, 24), full=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96))
    depths, steps = scale.pick(smoke=(1, 2), cpu=(1, 2, 3), full=(1, 2, 3)), scale.budget(smoke=20, cpu=3_000, full=30_000)
    needed = {}  # depth → [seeds, numbers]
    for depth in tqdm(depths, unit="depth"):
        tried = widths if depth == 1 else widths[:-1]

        def run(setting: Any, key: Key[Array, ""], depth: int = depth, widest: int = tried[-1]) -> Array:
            return learnt(depth, (widest, max(numbers)), steps, setting, key)

        settings = [(float(width), float(number)) for number in numbers for width in tried]
        shares = sweep(settings, run, scale.restarts).reshape(len(numbers), len(tried), -1)
        padded = np.concatenate([shares == 1, np.ones_like(shares[:, :1], bool)], axis=1)
        units = np.array([*tried, 2 * tried[-1]], float)[padded.argmax(axis=1)].T
        needed[depth] = weights(units, depth)
    slopes = {depth: Estimate.of(_slope(np.log2(numbers), np.log2(each))) for depth, each in needed.items()}
    enough = 2 * np.array(numbers) + FEATURES
    over = Estimate.of(np.log2(needed[1] / enough[None]).mean(axis=1))
    return Outcome(
        parts=[
            *(settle(f"{_layers(depth)}: more labels need more weights", slope, above=0) for depth, slope in slopes.items()),
            settle("one layer: in proportion to the labels", slopes[1], above=0.75, below=1.25, kind="paper"),
            settle("one layer: no more than 2n + d (log₂ ratio)", over, below=0, kind="paper"),
        ],
        effect="weights that n random labels need grow as n to the power "
        + ", ".join(f"{slope:.2f} ({_layers(depth)})" for depth, slope in slopes.items())
        + f"; one layer needs {over.through(np.exp2):.2f} times the 2n + d that can do",
        numbers={
            "slopes": {str(depth): slope for depth, slope in slopes.items()},
            "log2_of_weights_over_2n_plus_d": over,
            "weights": {str(depth): estimates(_by_number(numbers, each)) for depth, each in needed.items()},
        },
        series=(
            *(Curve.over_seeds(_layers(depth), numbers, each) for depth, each in needed.items()),
            Curve.over_seeds("2n + d, which can do", numbers, np.tile(enough, (2, 1))),
        ),
        axes=Axes("random labels", "weights that are needed", log="xy"),
    )


def _slope(x: Float[np.ndarray, " numbers"], y: Float[np.ndarray, "seeds numbers"]) -> Float[np.ndarray, " seeds"]:
    """The slope of each seed's least-squares line."""
    centred = x - x.mean()
    return np.asarray((y * centred[None]).sum(axis=1) / (centred**2).sum())


def _layers(depth: int) -> str:
    return f"{depth} layer{'s' * (depth > 1)}"


def _by_number(numbers: tuple[int, ...], values: Float[np.ndarray, "seeds numbers"]) -> dict[str, np.ndarray]:
    return {str(number): column for number, column in zip(numbers, values.T, strict=True)}


CLAIM = Claim(
    rows=("T001",),
    lecture=0,
    statement="The … larger the model, the more capacity (parameters)",
    papers=(Paper("Zhang+ 2017, Theorem 1: a ReLU network with one hidden layer and 2n + d weights can fit any n labels", "V"),),
    refuted_by="The 95% interval of the mean slope of log₂ of the weights that are needed, over log₂ of the number of "
    "labels, lies at or below 0 for networks of some depth.",
    measure=measure,
    kind="effect",
    history=(
        Earlier(
            "2026-11-29",
            "the words on depth are left out",
            "no part compares depths, which the claim on capacity does; the result had been seen",
            Ruling.SUPPORTED,
        ),
    ),
    used=1,
)
