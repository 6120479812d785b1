"""Whole Optax chains as rules: one that is given, or one that a function of a user's own builds from traced settings."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, get_type_hints

import jax
import optax

from jaxtricks.config import ConfigError, Positive, config, is_function
from jaxtricks.config.families import made_from
from jaxtricks.optim.method import Params, Problem
from jaxtricks.optim.rules import Rule


class Chain(Rule):
    """A whole Optax chain as a rule: it gives the steps u themselves, with their sign and its own learning rate.

    The direction is d = -u/c, so that the step is α_t/c times the chain's, where c is the part of the learning rate α that the
    chain has in it already. Schedules, layers' rates, clips, weight decay and averages work around it as around any rule.

    A chain that asks for more than the gradient gets `value` and `grad`, the loss of the batch and its gradient at the
    parameters, and `value_fn`, the loss as a function of the parameters: what L-BFGS, line searches and Polyak's step need.
    """

    def built(self) -> optax.GradientTransformation:
        """The chain."""
        raise NotImplementedError

    def inside(self) -> Any:
        """c, the learning rate that the chain has in it."""
        return 1.0

    def direction(self) -> optax.GradientTransformationExtraArgs:
        chain = optax.with_extra_args_support(self.built())

        def update(grads: Any, state: Any, params: Params, *, problem: Problem, value: Any, grad: Any, **extra: Any) -> Any:
            def value_fn(params: Params) -> Any:
                return problem(params)[0]

            steps, state = chain.update(grads, state, params, value=value, grad=grad, value_fn=value_fn)
            return jax.tree.map(lambda u: (-u / self.inside()).astype(u.dtype), steps), state

        return optax.GradientTransformationExtraArgs(chain.init, update)

    def check(self, params: Params, *, batch: int, examples: int) -> None:
        super().check(params, batch=batch, examples=examples)
        try:
            given, found = jax.eval_shape(self._first_step, params)
        except Exception as error:  # whatever a chain of a user's own raises is about what it is called with
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ConfigError(
                f"Optimizer.rule = {type(self).__name__} holds an Optax chain that cannot be called with gradient, state, "
                f"parameters, value, grad and value_fn: {reason}"
            ) from error
        for what, old, new in zip(("steps", "its state"), given, found, strict=True):
            if _form(new) != _form(old):
                raise ConfigError(
                    f"Optimizer.rule = {type(self).__name__} gives {what} of other shapes or types than it was given; "
                    "an Optax chain that keeps them is allowed."
                )

    def _first_step(self, params: Params) -> tuple[tuple[Params, Any], tuple[Params, Any]]:
        """Parameters and first state, and the first direction, for a loss of no meaning, and the state after it."""
        problem = Problem(lambda params: (params, None), lambda outputs, params: optax.tree.norm(outputs))
        value, grad = jax.value_and_grad(lambda params: problem(params)[0])(params)
        chain = self.direction()
        state = chain.init(params)
        return (params, state), chain.update(grad, state, params, problem=problem, value=value, grad=grad)


def _form(tree: Any) -> list[tuple[str, tuple[int, ...], Any]]:
    """The path, shape and type of every array in a tree."""
    return [(jax.tree_util.keystr(path), leaf.shape, leaf.dtype) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


@config()
class Optax(Chain):
    """A whole Optax chain: w ← w + α_t u for the steps u that it gives; all of its numbers are static.

    For traced numbers write a function that builds the chain, see `rule_of`. A chain that Optax made has no name by which it
    could be written down: an experiment with one has no checkpoints, and its page cannot be trained again from; one with a
    function has both.

    Args:
        chain: such as `optax.adam(1e-3)`, or a function without arguments that builds it; another one, even of equal numbers, is
            compiled anew.
        learning_rate: α, what the steps are multiplied by, beside the schedule.
        weight_decay: how weights are made smaller; a number is the rate λ of decoupled decay. Since α is
            1, λ is the share of a weight that a step takes away.

    >>> import optax
    >>> Optax(optax.chain(optax.clip(1.0), optax.adam(1e-3))).learning_rate
    1.0
    """

    learning_rate: Positive = 1.0
    chain: optax.GradientTransformation | Callable[[], optax.GradientTransformation] = dataclasses.field(kw_only=False)

    def __post_init__(self) -> None:
        if not isinstance(self.chain, optax.GradientTransformation) and not is_function(self.chain):
            raise ConfigError(f"Optax.chain = {self.chain!r} is neither a chain of Optax nor a function that builds one.")
        if is_function(self.chain):
            try:
                inspect.signature(self.chain).bind()
            except TypeError as error:
                name = self.chain.__name__
                raise ConfigError(f"Optax.chain = {name} builds a chain, with arguments ({error}); write {name}(…).") from None

    def built(self) -> optax.GradientTransformation:
        return self.chain if isinstance(self.chain, optax.GradientTransformation) else self.chain()


Rule.accepts(lambda value: isinstance(value, optax.GradientTransformation) or is_function(value), Optax)


class _Built(Chain):
    """A chain that a function builds from its fields."""

    function: ClassVar[Callable[..., optax.GradientTransformation]]
    arguments: ClassVar[tuple[str, ...]]

    def built(self) -> optax.GradientTransformation:
        return type(self).function(**{name: getattr(self, name) for name in self.arguments})

    def inside(self) -> Any:
        return self.learning_rate if "learning_rate" in self.arguments else 1.0


@made_from(optax.GradientTransformation)
def rule_of(function: Callable[..., optax.GradientTransformation]) -> type[Rule]:
    """The rule class whose chain a function builds; its parameters become fields, the floats among them traced.

    This is what `@config` does with a function that is declared to return an `optax.GradientTransformation`. A parameter
    `learning_rate` is the rule's own: the function gets it, and the steps are what the chain makes of it. Without that parameter
    the rule has a learning rate all the same, 1 by default, which the chain's steps are multiplied by.

    Args:
        function: its parameters have declared types, and none is called `weight_decay`, which every rule has as a field.

    Raises:
        TypeError: for a function with other parameters.

    >>> import optax
    >>> from jaxtricks.config import config
    >>> @config()
    ... def clipped(learning_rate: float = 1e-3, largest: float = 1.0) -> optax.GradientTransformation:
    ...     '''Adam of a clipped gradient.'''
    ...     return optax.chain(optax.clip(largest), optax.adam(learning_rate))
    >>> clipped(largest=0.5).learning_rate
    0.001
    """
    hints, fields = get_type_hints(function, include_extras=True), {"learning_rate": 1.0}
    types: dict[str, Any] = {"learning_rate": Positive}
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
        if name == "weight_decay" or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
            raise TypeError(
                f"{function.__qualname__}: the parameter {name!r} cannot be a setting of a rule; it must have a declared type, "
                "stand for one value, and not be called 'weight_decay', which every rule has."
            )
        types.setdefault(name, hints[name])
        fields.pop(name, None)
        if parameter.default is not parameter.empty:
            fields[name] = parameter.default
    about = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": function.__doc__ or f"The Optax chain that {function.__name__} builds.",
        "__annotations__": types,
        "function": staticmethod(function),
        "arguments": tuple(parameters),
    }
    return type(function.__name__, (_Built,), about | fields)
