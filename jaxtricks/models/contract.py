"""What the engine asks of a model: one contract with defaults, whatever library the model is written in.

The engine sees every model as a `Model`: how its variables are drawn, how it is called, how it fills itself from the data, and
its `Traits`, which say what it is like. `contract(model)` gives that view. Here is that of Linen modules; another library's
models are one more file, with this in it:

    @config()
    class Theirs(Model):                          # calls what `build` gives; static, for its only field is a function
        build: Callable = dataclasses.field(kw_only=False)

    @adapter("theirs")                            # what comes from the library `theirs` may stand for a model by itself
    def _(value): return Theirs(value)

The library is imported in the methods, so that only those who use it wait for it.
"""

import dataclasses
import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import flax.core
import flax.linen as nn
from jaxtyping import Array, Int, Key

from jaxtricks.config import ConfigError, fields, is_config, rebuild
from jaxtricks.config.declared import declared
from jaxtricks.config.families import AnyModel, adapter
from jaxtricks.data.dataset import Meaning
from jaxtricks.models.calling import arguments
from jaxtricks.nn.depth import STACKS
from jaxtricks.nn.dropout import Dropout
from jaxtricks.nn.layer import AT_TEST

STATISTICS = "batch_stats"  # the collection of batch norm's averages
CARRY = "carry"  # the collection of the states that a model carries from batch to batch; zeros before an epoch's first
PARAMS = "params"  # the collection of the parameters
PENALTIES = "penalties"  # the collection of what a model adds to the loss in training: numbers, or a `Quotient` each

Variables = dict[str, Any]  # collection → tree of arrays: {"params": …, "batch_stats": …}, or a part of it
Read = Literal["last", "mean", "every"]  # of a sequence, what the head of a model reads


class Axis(NamedTuple):
    """What stands along an axis of one of a model's arrays, so that weights of other data can be put in its places.

    Args:
        path: of the array within the parameters, such as "head/kernel"; or of a layer, where `axis` is None.
        axis: the number of the axis; None: the layer depends on all of them together, and no part of it belongs to one alone.
        of: the tokens or the features of the inputs, or the outputs.

    >>> jt.MLP(widths=()).traits.axes[0]
    Axis(path='head/kernel', axis=0, of='features')
    """

    path: str
    axis: int | None
    of: Meaning


HEAD = (Axis("head/kernel", 1, "outputs"), Axis("head/bias", 0, "outputs"))  # of a dense layer of that name


@dataclasses.dataclass(frozen=True)
class Traits:
    """What a model is like; by default what a model that nothing is known of is taken for.

    Args:
        cpu_width: restarts that go through a program together on a CPU. Measured on 2 CPU cores (experiments/speed/restarts.py):
            4 to 8 small ones share the cost of an operation's start and still fit the second-level cache together. An accelerator
            takes as many as its memory holds.
        forward_mode: whether the model can be differentiated forwards (`jax.jvp`), too.
        carries_state: whether a batch's sequences go on where the last batch's ended.
        longest: the largest number of steps of a sequence; None for any.
        padded: whether the model may be called with `lengths`, the true steps of each sequence.
        read: what the head of a sequence model reads: the last step, the mean over all steps, or every step.
        tokens: how many tokens the model knows; None where it does not say.
        sees_future: the setting, by name and value, that lets a step see later steps; None where no step does.
        writes: how many tokens the model scores after each step of a text that it goes on with; None where it cannot go on.
        statistics: the collections of running averages of batches' statistics, such as batch norm's.
        axes: what stands along the axes of its arrays; None where it does not say.
        trains_weights: whether its parameters are weights, which are zero where they are removed, and not scores of weights.

    >>> Traits(cpu_width=1).forward_mode
    True
    """

    cpu_width: int = 4
    forward_mode: bool = True
    carries_state: bool = False
    longest: int | None = None
    padded: bool = True
    read: Read | None = None
    tokens: int | None = None
    sees_future: tuple[str, bool] | None = None
    writes: int | None = None
    statistics: tuple[str, ...] = (STATISTICS,)
    axes: tuple[Axis, ...] | None = None
    trains_weights: bool = True


class Model(AnyModel):
    """A model as the engine sees it; subclass it, with `@config` for traced floats, to say by hand what the engine asks.

    >>> class Line(Model):
    ...     '''y = x w.'''
    ...
    ...     def drawn(self, key, x, lengths):
    ...         return {"params": jax.random.normal(key, (x.shape[-1], 3))}
    ...
    ...     def called(self, variables, x, lengths, *, train, key, mutable):
    ...         return x @ variables["params"], {}
    >>> contract(Line()).traits.carries_state
    False
    """

    @property
    def title(self) -> str:
        """What the model is called in messages."""
        return type(self).__name__

    @property
    def traits(self) -> Traits:
        """What the model is like."""
        return Traits()

    def filled(self, known: Mapping[str, Any]) -> Any:
        """The model with what it left to the data.

        Args:
            known: the number of "outputs"; of tokens, "vocabulary", None where there are none; and what to "read" of a sequence.
        """
        return self

    def at_test(self) -> Any:
        """The model without what acts in training alone: the same variables and the same scores, but fewer kinds of it."""
        return self

    def computed_anyhow(self) -> Any:
        """The model without what changes rounding alone, by which the checkpoints of two fits are no others."""
        return self

    def blank(self, averages: Variables) -> Variables:
        """Running averages as before the first batch, where it depends on the batches before how much the next one counts.

        Such averages are debiased, as Adam's moments are, or begin with the first batch. After one more batch those that the
        model uses are that batch's own statistics. All others stay as they are, as they do by default.

        Args:
            averages: the collections of `traits.statistics`.
        """
        return averages

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        """The variables at the start, by collection; the parameters are those in "params".

        Args:
            key: of all that is random in them.
            x: a batch of inputs, [batch, ...].
            lengths: true steps of each sequence; None where the data are not padded.
        """
        raise NotImplementedError

    def drawn_stacked(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        """The same variables, with those of equal layers stacked, see `jaxtricks.nn.stacks`, where `called` takes them so.

        Unless a model says otherwise, it does not. Arguments as for `drawn`.
        """
        return self.drawn(key, x, lengths)

    def called(
        self,
        variables: Variables,
        x: Array,
        lengths: Int[Array, " batch"] | None,
        *,
        train: bool,
        key: Key[Array, ""] | None,
        mutable: Sequence[str],
    ) -> tuple[Any, Variables]:
        """What the model gives for a batch, and the collections that it changed.

        Args:
            variables: by collection.
            x: inputs, [batch, ...].
            lengths: true steps of each sequence; None where the data are not padded.
            train: whether it is trained, and not evaluated.
            key: of the masks; None where there is nothing random, as in an evaluation that is not averaged over masks.
            mutable: the collections that it may change, and gives back; "penalties" is what it adds to the loss.
        """
        raise NotImplementedError


class Network(nn.Module):
    """A Linen module that says of itself what it is like; all networks of this package are.

    >>> class Slow(Network):
    ...     @property
    ...     def traits(self):
    ...         return Traits(cpu_width=1)
    >>> contract(Slow()).traits.cpu_width
    1
    """

    @property
    def traits(self) -> Traits:
        """What the module is like; by default a network of whole examples."""
        return Traits(padded=False)


@dataclasses.dataclass(frozen=True)
class Linen(Model):
    """A Linen module, called as `module(x)`, with those of `train=…`, `deterministic=…`, `lengths=…` that it takes.

    Args:
        module: the module. The fields `outputs`, `vocabulary` and `read` of a `@config` module are filled where they are None.
        traits: what it is like.

    >>> Linen(jt.MLP()).filled({"outputs": 2, "vocabulary": None, "read": "last"}).outputs
    2
    """

    module: nn.Module
    traits: Traits = Traits()

    @property
    def title(self) -> str:
        return type(self.module).__name__

    def filled(self, known: Mapping[str, Any]) -> Any:
        own = fields(type(self.module)) if is_config(type(self.module)) else {}
        left = {name: value for name, value in known.items() if name in own and getattr(self.module, name) is None}
        return rebuild(self.module, **left) if left else self.module

    def at_test(self) -> Any:
        own = fields(type(self.module)).values() if is_config(type(self.module)) else ()
        parts = {field.name: getattr(self.module, field.name) for field in own if field.optional}
        idle = {name: None for name, part in parts.items() if isinstance(part, Dropout) and part.training_only}
        return rebuild(self.module, **idle) if idle else self.module

    def computed_anyhow(self) -> Any:
        own = fields(type(self.module)) if is_config(type(self.module)) else {}
        return rebuild(self.module, scan_layers=None) if "scan_layers" in own else self.module

    def drawn(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        return dict(self.module.init({"params": key}, x, **arguments(self.module, 1, train=False, lengths=lengths)))

    def drawn_stacked(self, key: Key[Array, ""], x: Array, lengths: Int[Array, " batch"] | None) -> Variables:
        def call(scope: Any) -> Any:
            return self.module.clone(parent=scope)(x, **arguments(self.module, 1, train=False, lengths=lengths))

        return dict(flax.core.init(call, flax.core.DenyList("intermediates"), {STACKS: True})({"params": key})[1])

    def called(
        self,
        variables: Variables,
        x: Array,
        lengths: Int[Array, " batch"] | None,
        *,
        train: bool,
        key: Key[Array, ""] | None,
        mutable: Sequence[str],
    ) -> tuple[Any, Variables]:
        rngs = {} if key is None else {"dropout" if train else AT_TEST: key}
        how = arguments(self.module, 1, train=train, lengths=lengths)
        scores, changed = self.module.apply(variables, x, **how, rngs=rngs, mutable=list(mutable))
        return scores, dict(changed)


@adapter("flax.linen")
def _hashable(value: Any) -> Any:
    """A Linen module with tuples for lists, as `nn.Sequential` has one: what is static must be hashable."""
    if type(value) in (list, tuple):
        parts = tuple(map(_hashable, value))
        return value if isinstance(value, tuple) and all(map(operator.is_, parts, value)) else parts
    if not isinstance(value, nn.Module) or is_config(type(value)):
        return value
    given = {field.name: getattr(value, field.name) for field in declared(type(value))}
    changed = {name: new for name, old in given.items() if (new := _hashable(old)) is not old}
    return value.clone(**changed) if changed else value


@functools.singledispatch
def contract(model: Any) -> Model:
    """The model as the engine sees it.

    Raises:
        ConfigError: for something that is no model.

    >>> import flax.linen as nn
    >>> contract(nn.Dense(3)).traits.padded, contract(jt.MLP()).traits.padded
    (True, False)
    """
    raise ConfigError(f"Experiment.model = {model!r} is no model that the engine knows how to call.")


@contract.register
def _model(model: Model) -> Model:
    return model


@contract.register
def _plain(module: nn.Module) -> Model:
    return Linen(module)


@contract.register
def _network(module: Network) -> Model:
    return Linen(module, module.traits)
