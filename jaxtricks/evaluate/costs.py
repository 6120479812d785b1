"""What a network costs: its parameters, the operations of an answer and of a step, and how many networks hide in it."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxtricks.config import rebuild
from jaxtricks.data import Dataset
from jaxtricks.experiment.arguments import takes
from jaxtricks.experiment.experiment import Experiment
from jaxtricks.models.contract import PARAMS
from jaxtricks.objectives.task import task_of
from jaxtricks.optim.optimizer import assemble
from jaxtricks.restart.member import Member, Pool, State, applied, total_steps, update
from jaxtricks.train.prepare import prepare, shapes


@dataclass(frozen=True)
class LayerSize:
    """The parameters of one array.

    Args:
        path: where it is, such as "hidden_0/dense/kernel".
        shape: its axes.
    """

    path: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Args:
        layers: its parameters, array by array.
        answer: floating-point operations for one example in evaluation, as the compiler counts them.
        step: the same for one optimizer step on one batch.
        batch: examples of a batch.
        state: bytes of parameters, other variables and the state of the optimization method, in training.

    >>> found = cost(jt.Experiment(model=jt.MLP(widths=(8,))), jt.load("digits"))
    >>> found.parameters, found.weights, found.subnetworks
    (610, 592, '2^592 (a number of 179 digits)')
    """

    layers: tuple[LayerSize, ...]
    answer: float
    step: float
    batch: int
    state: int

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def weights(self) -> int:
        """How many of them are weights of kernels, and not biases or scales."""
        return sum(layer.parameters for layer in self.layers if len(layer.shape) > 1)

    @property
    def subnetworks(self) -> str:
        """How many networks one can make of it by removing weights."""
        return subnetworks(self.weights)

    def to_dict(self) -> dict[str, Any]:
        """Gives all of it as plain data."""
        layers = [{"path": layer.path, "shape": list(layer.shape), "parameters": layer.parameters} for layer in self.layers]
        own = {"parameters": self.parameters, "weights": self.weights, "subnetworks_log2": self.weights}
        rest = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "layers"}
        return own | rest | {"layers": layers}

    def __str__(self) -> str:
        width = max(len(layer.path) for layer in self.layers)
        shown = [(layer, " × ".join(map(str, layer.shape)) or "1") for layer in self.layers]
        lines = [f"{layer.path:{width}}  {axes:>16}  {layer.parameters:>12,}" for layer, axes in shown]
        return "\n".join(
            [
                *lines,
                f"{self.parameters:,} parameters, {4 * self.parameters:,} bytes in float32; {self.state:,} bytes in training "
                "with the state of the optimizer",
                f"{self.answer:,.0f} operations for one example; {self.step:,.0f} for one step on a batch of {self.batch}",
                f"{self.weights:,} weights: {self.subnetworks} subnetworks",
            ]
        )


def subnetworks(weights: int) -> str:
    """Gives how many networks one can make of a network by removing weights: 2ⁿ for n weights, as a power and as its digits.

    Args:
        weights: n.

    >>> subnetworks(10)
    '2^10 (a number of 4 digits)'
    >>> subnetworks(61_000_000)
    '2^61,000,000 (a number of 18,362,830 digits)'
    """
    return f"2^{weights:,} (a number of {math.floor(weights * math.log10(2)) + 1:,} digits)"


@takes
def cost(experiment: Experiment, data: Dataset) -> Cost:
    """Gives what a network costs on some data, from shapes alone: nothing is trained and nothing is compiled.

    Operations are the compiler's own count before it optimizes, products and all else; a loop counts as one turn, so that those
    of recurrent networks are too few; whitening of inputs does not count. A batch whose gradients are accumulated counts as one,
    and a pruned network as the whole.

    Args:
        experiment: the network and how it is trained.
        data: the data set.

    Raises:
        ConfigError: where the experiment does not fit the data.

    >>> print(jt.evaluate.cost(jt.Experiment(model=jt.MLP(widths=())), jt.load("digits")).layers[1])
    LayerSize(path='head/kernel', shape=(64, 10))
    """
    train = len(data.split(0).train)
    ready = prepare(rebuild(experiment, pruned=None, accumulate=1), data, train)
    step, (member, state, batch) = step_of(ready, data, train)
    params, variables = state.params, {PARAMS: state.params, **state.collections}
    leaves = jax.tree.leaves((params, state.collections, state.method))
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape[1:]), leaf.dtype), batch)
    answer = jax.jit(lambda variables, batch: applied(ready, variables, batch, train=False)[0]).lower(variables, one)
    return Cost(
        tuple(
            LayerSize(jax.tree_util.keystr(path, simple=True, separator="/"), tuple(leaf.shape))
            for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        ),
        _operations(answer),
        _operations(jax.jit(step).lower(member, state, batch)),
        ready.batch_size,
        sum(leaf.size * leaf.dtype.itemsize for leaf in leaves),
    )


def step_of(ready: Experiment, data: Dataset, train: int) -> tuple[Callable[..., State], tuple[Member, State, Pool]]:
    """Gives the step of one restart, (member, state, batch) → state, and what it takes, of which shapes and types are known.

    Args:
        ready: the experiment, with what depends on the data filled in.
        data: the data set.
        train: how many of its examples a restart trains on.
    """
    batch, variables = shapes(ready, data)
    params, collections = variables[PARAMS], {name: tree for name, tree in variables.items() if name != PARAMS}
    method = jax.eval_shape(assemble(ready.optimizer, total_steps(ready, train)).init, params)
    floats = jnp.zeros(()).dtype
    number, scalar, places = _shaped((), np.int32), _shaped((), floats), _shaped((train,), np.int32)
    shift = _shaped(data.shape, floats)
    member = Member(number, places, places, shift, shift)
    metrics = dict.fromkeys(ready.measured(task_of(data)), scalar)
    state = State(params, collections, method, number, _shaped((), np.bool_), metrics)
    return lambda member, state, batch: update(ready, member, state, batch)[0], (member, state, batch)


def _shaped(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of which only shape and type are known, and which stands for one."""
    return jax.ShapeDtypeStruct(shape, dtype)


def _operations(lowered: jax.stages.Lowered) -> float:
    """Floating-point operations, by the compiler's count; 0 where it gives none."""
    counted = lowered.cost_analysis()
    return float(counted.get("flops", 0.0)) if isinstance(counted, dict) else 0.0
