"""The gradient noise scale: up to which size a larger batch is worth its cost."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxtricks import rng
from jaxtricks.config import ConfigError, stack
from jaxtricks.diagnose.losses import loss_at
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart.member import Member, Pool, Variables
from jaxtricks.train.runs import Runs

AT_ONCE = 32  # examples whose gradients are held together


@dataclass(frozen=True, eq=False)
class Noise:
    """The spread of gradients between examples at one point of training.

    Args:
        trace: tr Σ, the summed variances of the examples' gradients, [runs].
        squared: |G|², the squared norm of their mean, [runs].

    >>> Noise(trace=np.array([6.0]), squared=np.array([0.5])).scale.tolist()
    [12.0]
    """

    trace: Float[np.ndarray, " runs"]
    squared: Float[np.ndarray, " runs"]

    @property
    def scale(self) -> Float[np.ndarray, " runs"]:
        """B = tr Σ / |G|², in examples, [runs]: smaller batches are mostly noise, and larger ones gain little."""
        return self.trace / self.squared


@dataclass(frozen=True, eq=False)
class NoiseScale:
    """The gradient noise at the initial weights of each run's seed, and at its final weights.

    >>> noise = Noise(trace=np.array([6.0]), squared=np.array([0.5]))
    >>> print(jt.diagnose.NoiseScale(initial=noise, final=noise))
    gradient noise scale in examples, median of 1 runs: initial 12, final 12
    """

    initial: Noise
    final: Noise

    def __str__(self) -> str:
        ends = [f"{when} {np.median(n.scale):.4g}" for when, n in (("initial", self.initial), ("final", self.final))]
        return f"gradient noise scale in examples, median of {len(self.final.scale)} runs: {', '.join(ends)}"


def gradient_noise_scale(runs: Runs, *, examples: int | None = None) -> NoiseScale:
    """McCandlish's simple noise scale `B = tr Σ / |G|²`, from the gradient of each training example alone (T048).

    Masks and augmentation are left out and batch norm takes its running averages, so that each example has its own gradient.

    Paper: McCandlish et al., "An empirical model of large-batch training", 2018.

    Args:
        runs: the runs. They do not keep their initial weights, which are drawn again; for runs that started from a `Transfer`,
            `initial` is therefore not where they started: take the `final` of the runs that they started from.
        examples: how many of each training split, drawn at random; None: all. With n examples |G|² is too large by tr Σ/n, so
            that no B much above n can be seen.

    Raises:
        ConfigError: for a number of examples that a training split does not have.

    >>> digits, base = jt.load("digits").subset(100, seed=0), jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
    >>> print(jt.diagnose.gradient_noise_scale(jt.fit(base, digits, seeds=4)))  # doctest: +SKIP
    """
    train = runs.members.train.shape[1]
    count = train if examples is None else examples
    if not 2 <= count <= train:
        raise ConfigError(f"examples = {examples} is not a number from 2 to {train}, the size of the training split.")
    pool = Pool.of(runs.data)

    def both(run: tuple[Experiment, Member, Variables]) -> Any:
        experiment, member, final = run
        state = epochs.start(experiment, member, pool, {})
        initial = {"params": state.params, **state.collections}
        return tuple(noise_at(experiment, member, pool, variables, count) for variables in (initial, final))

    each = (stack([runs.experiment] * len(runs)), runs.members, runs.variables)
    initial, final = jax.jit(lambda each: jax.lax.map(both, each))(each)
    return NoiseScale(*(Noise(*map(np.asarray, noise)) for noise in (initial, final)))


def noise_at(
    experiment: Experiment, member: Member, pool: Pool, variables: Variables, count: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """tr Σ and |G|² of one member, by some of its training examples.

    Args:
        experiment: the experiment.
        member: the restart.
        pool: the data.
        variables: the model's, with the weights at which gradients are taken.
        count: how many examples.
    """
    params, collections = variables["params"], {name: tree for name, tree in variables.items() if name != "params"}
    drawn = jax.random.permutation(rng.stream(rng.root(member.seed), "noise scale"), member.train)[:count]
    padded = -(-count // AT_ONCE) * AT_ONCE
    chunks = jnp.resize(drawn, (padded,)).reshape(-1, AT_ONCE)
    weights = (jnp.arange(padded) < count).astype(jnp.zeros(()).dtype).reshape(chunks.shape)

    def gradient(index: Array) -> Any:
        return jax.grad(loss_at(experiment, member, pool, collections, index[None]))(params)

    def add(sums: tuple[Any, Array], chunk: tuple[Array, Array]) -> tuple[tuple[Any, Array], None]:
        indices, weight = chunk
        gradients = jax.vmap(gradient)(indices)
        total = jax.tree.map(lambda s, g: s + jnp.tensordot(weight, g, 1), sums[0], gradients)
        squares = sum(
            jnp.tensordot(weight, jnp.sum(jnp.square(g.reshape(AT_ONCE, -1)), axis=1), 1) for g in jax.tree.leaves(gradients)
        )
        return (total, sums[1] + squares), None

    zero = (jax.tree.map(jnp.zeros_like, params), jnp.zeros(()))
    (total, squares), _ = jax.lax.scan(add, zero, (chunks, weights))
    squared = sum(jnp.sum(jnp.square(g / count)) for g in jax.tree.leaves(total))
    return (squares / count - squared) * count / (count - 1), jnp.asarray(squared)
