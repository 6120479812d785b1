"""A step of a user's own that is examined: what signs look at, measured where the first of them asks for it."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jaxtyping import Array, Float, Shaped

from jaxtricks.config import ConfigError, nearest
from jaxtricks.diagnose.compiling import compilations
from jaxtricks.diagnose.flow import Flow, Use, flow_of
from jaxtricks.diagnose.memory import FOLLOWED, Held

CALLS = 4  # of the step, one after the other, on the same batch

Step = Callable[[Any, Any], tuple[Any, Any]]
Leaf = Shaped[Array, "..."]
HostLeaf = Shaped[np.ndarray, "..."]
Numbers = Float[np.ndarray, "..."]


class TracedStep(NamedTuple):
    """A step as JAX traces it.

    Args:
        jaxpr: of the arrays in the state and the batch to those in the new state and the metrics.
        outputs: the paths of the outputs, such as "state/params/w" and "metrics/loss", as `StepCase.paths` are for the inputs.

    >>> StepCase(jax.jit(lambda state, batch: (state, batch)), {"w": 1.0}, 2.0).program.outputs
    ('metrics', 'state/w')
    """

    jaxpr: core.ClosedJaxpr
    outputs: tuple[str, ...]


class Call(NamedTuple):
    """One call of the step.

    Args:
        state: the state that it was given; path → values on the host. Random keys are their words.
        new: the state that it gave.
        metrics: path → values.
        compiled: the functions that were compiled in it.
    """

    state: dict[str, HostLeaf]
    new: dict[str, HostLeaf]
    metrics: dict[str, HostLeaf]
    compiled: tuple[str, ...]


class Growing(ConfigError):
    """A step hands on more and more: what is wrong with it, and no misuse of what examines it."""


@dataclass(frozen=True, eq=False)
class StepCase:
    """A step, a state and a batch, with what is measured of them. The state itself is never given to the step: copies are.

    Args:
        step: `(state, batch) → (new state, metrics)`, jitted.
        state: what the step carries on: arrays in any pytree.
        batch: what it is given at a call.
        loss: the path of the loss in the metrics, such as "loss" or "train/nll"; None: "loss", the only metric or the first of a
            tuple.

    >>> step = jax.jit(lambda state, batch: ({"w": state["w"] - 0.1 * batch.mean()}, (state["w"] * batch).mean()))
    >>> case = StepCase(step, {"w": jnp.ones(3)}, jnp.arange(3.0))
    >>> case.paths, case.loss_path, len(case.calls)
    (('state/w', 'batch'), 'metrics', 4)
    """

    step: Step
    state: Any
    batch: Any
    loss: str | None = None

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths of the arrays that the step is given, in the order of its program's inputs."""
        return tuple(_arrays({"state": self.state}) | _arrays({"batch": self.batch}))

    @property
    def jitted(self) -> bool:
        """Whether the step is compiled as a whole."""
        return hasattr(self.step, "lower")

    @property
    def plain(self) -> Step:
        """The function inside of `jax.jit`, which is traced anew at each call; other steps as they are."""
        return inspect.unwrap(self.step, stop=lambda each: not hasattr(each, "trace"))

    def trace(self, function: Step) -> TracedStep:
        """The program of a step; raises what the step raises."""
        given = (self.state, self.batch)
        leaves, tree = jax.tree.flatten(given)
        places = [place for place, leaf in enumerate(leaves) if _is_array(leaf)]
        names: list[str] = []

        def flat(*arrays: Leaf) -> tuple[Leaf, ...]:
            filled = list(leaves)
            for place, array in zip(places, arrays, strict=True):
                filled[place] = array
            new = _arrays(_pair(function(*jax.tree.unflatten(tree, filled))))
            names[:] = new
            return tuple(new.values())

        jaxpr = jax.make_jaxpr(flat)(*(leaves[place] for place in places))
        return TracedStep(jaxpr, tuple(names))

    @functools.cached_property
    def program(self) -> TracedStep:
        """The step's program, traced anew."""
        return self.trace(self.plain)

    @functools.cached_property
    def flow(self) -> Flow:
        """What flows where in it."""
        return flow_of(self.program.jaxpr)

    @functools.cached_property
    def calls(self) -> tuple[Call, ...]:
        """The first calls of the step, each on the state that the last one gave; raises what the step raises."""
        state, called = copied(self.state), list[Call]()
        before = hosted({"state": state})
        for _ in range(CALLS):
            batch = copied(self.batch)
            with compilations() as compiled:
                state, metrics = _pair(self.step(state, batch)).values()
            after = hosted({"state": state})
            if _shapes(after) != _shapes(before):
                later = hosted({"state": _pair(self.step(copied(state), copied(self.batch)))["state"]})
                raise _other(before, after, later)
            called.append(Call(before, after, hosted({"metrics": metrics}), tuple(compiled)))
            before = after
        return tuple(called)

    @functools.cached_property
    def held(self) -> tuple[Held, ...]:
        """What is alive in memory after each of some more calls, which hand on the state and drop the metrics."""
        _ = self.calls  # by now all is compiled
        state, seen = copied(self.state), list[Held]()
        for _ in range(FOLLOWED):
            state = jax.block_until_ready(_pair(self.step(state, copied(self.batch)))["state"])
            seen.append(Held.now())
        return tuple(seen)

    @functools.cached_property
    def again(self) -> Call:
        """The first call once more, on the same state and batch."""
        state, metrics = _pair(self.step(copied(self.state), copied(self.batch))).values()
        return Call(self.calls[0].state, hosted({"state": state}), hosted({"metrics": metrics}), ())

    @functools.cached_property
    def loss_path(self) -> str:
        """The path of the loss among the outputs; raises ConfigError where there is none."""
        names = [name for name in self.program.outputs if name.startswith("metrics")]
        tried = ["metrics/loss", "metrics", "metrics/0"] if self.loss is None else [f"metrics/{self.loss}"]
        found = next((name for name in tried if name in names), names[0] if self.loss is None and len(names) == 1 else None)
        if found is None:
            known = [name.removeprefix("metrics/") for name in names]
            raise ConfigError(f"loss = {self.loss!r} is no metric of the step{nearest(self.loss or 'loss', known)}")
        return found

    @functools.cached_property
    def gradients(self) -> tuple[dict[str, HostLeaf], ...]:
        """The gradient of the loss with respect to each float array of the state, at the state of each call.

        It derives what the step computes, after the step itself has derived its loss. So a gradient rule of the user's own
        (`jax.custom_vjp`) is not seen: the gradient is that of the values which the rule's forward pass computes.
        """
        program, at = self.program, self.program.outputs.index(self.loss_path)
        if not jnp.issubdtype(program.jaxpr.out_avals[at].dtype, jnp.floating):
            raise ConfigError(f"the loss is of type {program.jaxpr.out_avals[at].dtype}; a float is allowed.")
        floats = [place for place, name in enumerate(self.paths) if name.startswith("state") and self._float(place)]
        run = core.jaxpr_as_fun(program.jaxpr)

        def loss(chosen: list[Leaf], rest: list[Leaf]) -> Leaf:
            filled = list(rest)
            for place, leaf in zip(floats, chosen, strict=True):
                filled[place] = leaf
            return jnp.mean(jnp.asarray(run(*filled)[at], jnp.float32))

        derive, found = jax.jit(jax.grad(loss)), list[dict[str, HostLeaf]]()
        for number in range(len(self.calls)):
            rest = self.inputs(number)
            try:
                values = derive([rest[place] for place in floats], rest)
            except (TypeError, ValueError, NotImplementedError) as error:
                raise ConfigError(f"the loss has no gradient: {str(error).splitlines()[0]}") from error
            found.append({self.paths[place]: np.asarray(value) for place, value in zip(floats, values, strict=True)})
        return tuple(found)

    def inputs(self, number: int) -> list[Leaf]:
        """What the step's program is given at a call.

        Args:
            number: of the call, from 0.
        """
        given = [leaf for leaf in jax.tree.leaves((self.state, self.batch)) if _is_array(leaf)]
        state = self.calls[number].state
        return [_placed(state.get(name), leaf) for name, leaf in zip(self.paths, given, strict=True)]

    def moves(self, name: str) -> list[tuple[Numbers, Numbers]]:
        """What a call changes in a weight, and its gradient there, for the calls in which neither is zero throughout.

        Args:
            name: the path of the weight.
        """
        found = []
        for call, slopes in zip(self.calls, self.gradients, strict=True):
            change = call.new[name].astype(np.float64) - call.state[name].astype(np.float64)
            slope = slopes[name].astype(np.float64)
            if np.isfinite(change).all() and np.isfinite(slope).all() and change.any() and slope.any():
                found.append((change, slope))
        return found

    def _float(self, place: int) -> bool:
        return jnp.issubdtype(self.program.jaxpr.in_avals[place].dtype, jnp.floating)

    @functools.cached_property
    def weights(self) -> tuple[str, ...]:
        """The float arrays of the state that the loss depends on, and that a gradient reaches at one of the calls."""
        return tuple(
            name for name in self.gradients[0] if any(np.any(np.nan_to_num(each[name], nan=1.0)) for each in self.gradients)
        )

    @functools.cached_property
    def handed_back(self) -> tuple[str, ...]:
        """The arrays of the state that the step gives back as they were given: the very same values in its program."""
        given = {name: value.number for name, value in zip(self.paths, self.flow.inputs, strict=True)}
        made = zip(self.program.outputs, self.flow.outputs, strict=True)
        return tuple(name for name, value in made if name in given and given[name] == value.number)

    @functools.cached_property
    def still(self) -> tuple[str, ...]:
        """The arrays of the state that are the same after all calls."""
        return tuple(
            name
            for name, first in self.calls[0].state.items()
            if all(name in each.new and same(first, each.new[name]) for each in self.calls)
        )

    @functools.cached_property
    def dead(self) -> tuple[str, ...]:
        """The arrays of the state that nothing depends on but what is given back at their own place as it was given."""
        back = set(self.handed_back)
        used = frozenset().union(
            *(value.sources for name, value in zip(self.program.outputs, self.flow.outputs, strict=True) if name not in back)
        )
        return tuple(name for place, name in enumerate(self.paths) if name.startswith("state") and place not in used)

    def names(self, use: Use) -> tuple[str, ...]:
        """The inputs that a value depends on."""
        return tuple(self.paths[place] for place in sorted(each for each in use.value.sources if isinstance(each, int)))


def _pair(made: Any) -> dict[str, Any]:
    if not isinstance(made, tuple) or len(made) != 2:
        raise ConfigError(f"step: gives {_described(made)}; a pair is allowed: the new state and metrics.")
    return {"state": made[0], "metrics": made[1]}


def _shapes(arrays: dict[str, HostLeaf]) -> dict[str, tuple[int, ...]]:
    return {name: values.shape for name, values in arrays.items()}


def _other(before: dict[str, HostLeaf], after: dict[str, HostLeaf], later: dict[str, HostLeaf]) -> ConfigError:
    """The error of a state that a call changes in its shapes, of which it is known what the next call gives."""
    sizes = [sum(values.nbytes for values in each.values()) for each in (before, after, later)]
    if sizes[0] < sizes[1] < sizes[2]:
        grown = next(name for name in later if name not in before or later[name].shape != before[name].shape)
        return Growing(f"{grown} grows at each call: the state has {sizes[0]} bytes, then {sizes[1]} and {sizes[2]}.")
    return ConfigError(_unlike(_shapes(before), _shapes(after)))


def _unlike(given: dict[str, tuple[int, ...]], made: dict[str, tuple[int, ...]]) -> str:
    lost, new = ([name for name in these if name not in those] for these, those in ((given, made), (made, given)))
    other = [name for name in given if name in made and made[name] != given[name]]
    formed = (f"{name} of shape {made[name]} in place of {given[name]}" for name in other[:1])
    what = " and ".join([*(f"no {name}" for name in lost[:1]), *(f"a new {name}" for name in new[:1]), *formed])
    return f"step: its new state has {what}; the arrays of the given one are allowed, as in (new state, metrics)."


def _described(made: Any) -> str:
    return f"{len(made)} values" if isinstance(made, tuple) else f"one value of type {type(made).__name__}"


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic, bool, int, float, complex))


def _arrays(tree: Any) -> dict[str, Any]:
    """Path → array, for all arrays of a tree."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves if _is_array(leaf)}


def floats(tree: Any) -> dict[str, Any]:
    """Path → array, for all arrays of floats of a tree.

    >>> floats({"state": {"w": 1.0, "count": 3}})
    {'state/w': 1.0}
    """
    return {name: leaf for name, leaf in _arrays(tree).items() if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)}


def hosted(tree: Any) -> dict[str, HostLeaf]:
    """Path → values on the host, of all arrays of a tree; random keys are their words.

    >>> hosted({"state": {"key": jax.random.key(3)}})
    {'state/key': array([0, 3], dtype=uint32)}
    """
    return {name: np.array(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for name, leaf in _arrays(tree).items()}


def copied(tree: Any) -> Any:
    """A tree with copies of all its arrays, so that a step may donate them.

    >>> given = jnp.ones(3)
    >>> copied(given) is given
    False
    """
    return jax.tree.map(lambda leaf: leaf.copy() if isinstance(leaf, (jax.Array, np.ndarray)) else leaf, tree)


def same(one: HostLeaf, other: HostLeaf) -> bool:
    """Whether two arrays hold the same values; nan is the same as nan.

    >>> same(np.array([1.0, np.nan]), np.array([1.0, np.nan]))
    True
    """
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _placed(values: HostLeaf | None, like: Any) -> Any:
    """Values of a call as the array that the program takes; what is not of the state stays as it is."""
    if values is None:
        return like
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(values), impl=jax.random.key_impl(like))
    spread = isinstance(like, jax.Array) and len(like.sharding.device_set) > 1
    return jax.device_put(values, like.sharding) if spread else jnp.asarray(values)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
