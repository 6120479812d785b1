"""Layers by their paths: which ones are frozen, and which ones have their own learning rate.

A path is the place of a layer in the parameters, as Flax writes it: `hidden_0`, `hidden_0/dense`. A pattern may have the
wildcards of file names, `hidden_*`, and stands for everything inside the layers that it names.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any

import jax

from jaxtricks.config import ConfigError, Family, NonNegative, config, nearest
from jaxtricks.optim.method import Method, MethodState, Params, Problem, Update, Validation


def _inside(path: Any, patterns: Sequence[str]) -> bool:
    """Tells whether a parameter is inside a layer that one of the patterns names."""
    return any(fnmatch.fnmatchcase(layer, pattern) for layer in _layers(path) for pattern in patterns)


def _layers(path: Any) -> list[str]:
    """Gives the layers around a parameter, from the outermost to the parameter itself."""
    return [jax.tree_util.keystr(path[:depth], simple=True, separator="/") for depth in range(1, len(path) + 1)]


def select(params: Params, patterns: Sequence[str]) -> Any:
    """Gives a tree of bools, True for the parameters inside the layers that the patterns name.

    >>> select({"head": {"bias": 0.5}, "hidden_0": {"bias": 2.0}}, ["hidden_*"])
    {'head': {'bias': False}, 'hidden_0': {'bias': True}}
    """
    return jax.tree_util.tree_map_with_path(lambda path, _: _inside(path, patterns), params)


def check_layers(field: str, patterns: Sequence[str], params: Params) -> None:
    """Checks that every pattern names a layer.

    Raises:
        ConfigError: for a pattern that does not, with the nearest layer.
    """
    paths = [_layers(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    known = dict.fromkeys(layer for path in paths for layer in path)
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            layers = dict.fromkeys(layer for path in paths for layer in path[:-1])
            raise ConfigError(f"{field} = {pattern!r} names no layer of the model{nearest(pattern, list(layers or known))}")


# --- freezing -----------------------------------------------------------------------------------------------------------


def check_frozen(patterns: Sequence[str], params: Params) -> None:
    """Checks that every pattern names a layer, and that some layer is left to train.

    Raises:
        ConfigError: if not.
    """
    check_layers("Optimizer.frozen", patterns, params)
    if all(jax.tree.leaves(select(params, patterns))):
        layers = dict.fromkeys(_layers(path)[0] for path, _ in jax.tree_util.tree_leaves_with_path(params))
        raise ConfigError(f"Optimizer.frozen = {patterns!r} freezes everything; leave one of {', '.join(layers)} to train.")


def unfrozen(params: Params, patterns: Sequence[str]) -> Params:
    """Gives the parameters that are trained, with None in place of those in frozen layers.

    >>> unfrozen({"head": {"bias": 0.5}, "hidden_0": {"bias": 2.0}}, ["hidden_*"])
    {'head': {'bias': 0.5}, 'hidden_0': {'bias': None}}
    """
    return jax.tree.map(lambda w, frozen: None if frozen else w, params, select(params, patterns))


def freeze(method: Method, patterns: Sequence[str]) -> Method:
    """Gives a method that trains only the other layers; frozen ones are constants, without gradient, state or decay.

    Args:
        method: the method for the other layers.
        patterns: the layers to freeze.
    """

    def whole(trained: Params, params: Params) -> Params:
        return jax.tree.map(lambda new, w: w if new is None else new, trained, params, is_leaf=lambda leaf: leaf is None)

    def step(problem: Problem, params: Params, state: MethodState, validation: Validation) -> Update:
        part = Problem(
            lambda trained: problem.outputs(whole(trained, params)),
            lambda outputs, trained: problem.loss(outputs, whole(trained, params)),
        )
        new = method.step(part, unfrozen(params, patterns), state, validation)
        return new._replace(params=whole(new.params, params))

    def eval_params(params: Params, state: MethodState) -> Params:
        return whole(method.eval_params(unfrozen(params, patterns), state), params)

    return Method(lambda params: method.init(unfrozen(params, patterns)), step, eval_params)


def keep(patterns: Sequence[str], new: Any, old: Any) -> Any:
    """Gives the collection `new`, such as batch norm's running averages, with the values of frozen layers from `old`."""
    return jax.tree.map(lambda after, before, frozen: before if frozen else after, new, old, select(old, patterns))


# --- rates --------------------------------------------------------------------------------------------------------------


class Rates(Family):
    """Learning rates of layers, as factors of the rule's learning rate; subclass it for other factors.

    >>> jt.Optimizer(rates="discriminative").rates
    DiscriminativeRates(layers=('head', 'hidden_*'), factor=0.3846153846153846)
    """

    def factors(self, params: Params) -> Any:
        """Gives the factor of each parameter, a tree of numbers or of arrays of shape []."""
        raise NotImplementedError

    def check(self, params: Params) -> None:
        """Raises ConfigError for layers that the model does not have."""


@config("layers", rows=["T062"], paper="Yosinski+ 2014")
class LayerRates(Rates):
    """The named layers learn at `factor` times the rule's learning rate, the others at the rate itself.

    Args:
        layers: patterns of layer paths.
        factor: the factor, unitless; with 0 these layers do not move, except by an independent weight decay.

    >>> params = {"head": {"bias": jnp.ones(2)}, "hidden_0": {"bias": jnp.ones(2)}}
    >>> factors = jt.optim.LayerRates(layers=("hidden_*",), factor=0.5).factors(params)
    >>> float(factors["head"]["bias"]), float(factors["hidden_0"]["bias"])
    (1.0, 0.5)
    """

    layers: tuple[str, ...] = ("hidden_*",)
    factor: NonNegative = 0.1

    def factors(self, params: Params) -> Any:
        return jax.tree.map(lambda named: self.factor if named else 1.0, select(params, self.layers))

    def check(self, params: Params) -> None:
        check_layers("LayerRates.layers", self.layers, params)


@config("discriminative", rows=["T062"], paper="Howard & Ruder 2018")
class DiscriminativeRates(Rates):
    """Each layer of a list learns at `factor` times the rate of the one before: α factorⁱ in layer i = 0, 1, ….

    Args:
        layers: patterns of layer paths from the top down; layers that no pattern names learn at the rule's rate.
        factor: the factor, unitless; the paper's is 1/2.6.

    >>> params = {"head": {"bias": jnp.ones(2)}, "hidden_0": {"bias": jnp.ones(2)}}
    >>> factors = jt.optim.DiscriminativeRates(factor=0.5).factors(params)
    >>> float(factors["head"]["bias"]), float(factors["hidden_0"]["bias"])
    (1.0, 0.5)
    """

    layers: tuple[str, ...] = ("head", "hidden_*")
    factor: NonNegative = 1 / 2.6

    def factors(self, params: Params) -> Any:
        def of(path: Any, _: Any) -> Any:
            place = next((i for i, layer in enumerate(self.layers) if _inside(path, [layer])), 0)
            return self.factor**place if place else 1.0

        return jax.tree_util.tree_map_with_path(of, params)

    def check(self, params: Params) -> None:
        check_layers("DiscriminativeRates.layers", self.layers, params)
