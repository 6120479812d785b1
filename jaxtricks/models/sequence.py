"""What all sequence models share: their inputs, what their head reads, and decoding step by step.

A sequence model is called `model(x, train, lengths=None, decode=False)`. Its `x` are tokens [batch, time] or features
[batch, time, features]; `lengths` [batch] is the true number of steps of each sequence; padding after
them does not matter.

Decoding: with `decode=True` the steps of `x` follow those of earlier calls, so that a text can be written token by token,

    scores, new = model.apply({**variables, "cache": cache}, tokens[:, None], train=False, decode=True, mutable=["cache"])
    cache = new["cache"]

and the scores of every step equal those of the whole sequence in one call. The memory of the model is in the collection
"cache", whose size does not grow; it starts with zeros, see `empty_cache`. A call takes one step or several, such as those of a
prompt, and no `lengths`. Without `decode` a model has no cache.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxtricks.config import ConfigError
from jaxtricks.models.contract import Axis, Read, Traits
from jaxtricks.nn.initializers import Initializer
from jaxtricks.nn.layer import Layer
from jaxtricks.nn.masks import true_steps
from jaxtricks.nn.softmax import Softmax

Steps = Int[Array, "batch time"] | Float[Array, "batch time features"]


def are_tokens(x: Array) -> bool:
    """Tells whether an array holds tokens (integers) and not features.

    >>> are_tokens(jnp.zeros((2, 3), jnp.int32)), are_tokens(jnp.zeros((2, 3, 4)))
    (True, False)
    """
    return jnp.issubdtype(x.dtype, jnp.integer)


def traits(
    model: Any,
    *,
    sees_future: tuple[str, bool] | None,
    forward_mode: bool = True,
    carries_state: bool = False,
    longest: int | None = None,
) -> Traits:
    """What a sequence model of this package is like.

    Args:
        model: has the fields `outputs`, `vocabulary`, `read` and `softmax`.
        sees_future: the setting that lets a step see later ones; None where no step does.
        forward_mode: whether its layers can be differentiated forwards; its softmax must allow it, too.
        carries_state: whether it goes on where the last batch ended.
        longest: the largest number of steps of a sequence; None for any.

    >>> jt.RNN(bidirectional=True).traits.sees_future, jt.RNN().traits.sees_future
    (('bidirectional', True), None)
    """
    return Traits(
        # Members under vmap are batched products of small matrices, which XLA does not do well on a CPU: four recurrent layers of
        # 32 units together take as long as one after the other, of 64 units 1.2 to 1.7 times as long.
        cpu_width=1,
        forward_mode=forward_mode and model.softmax.FORWARD_MODE,
        carries_state=carries_state,
        longest=longest,
        read=model.read,
        tokens=model.vocabulary,
        sees_future=sees_future,
        writes=model.outputs if model.read == "every" else None,
        axes=(Axis("embed/embedding", 0, "tokens"), *_head(model.softmax)),
    )


def _head(softmax: Softmax) -> tuple[Axis, ...]:
    if softmax.COLUMNS is None:
        return (Axis("head", None, "outputs"),)
    return tuple(Axis(f"head/{name}", axis, "outputs") for name, axis in softmax.COLUMNS.items())


def check(model: Any, x: Array, decoded: Int[Array, " batch"] | None) -> tuple[int, Read]:
    """The fields `outputs` and `read`, if they and `vocabulary` were filled as the inputs need it, and if those are sequences.

    Args:
        model: has the fields `outputs`, `vocabulary` and `read`.
        x: its inputs.
        decoded: the lengths that came with a call that decodes, which takes none.

    Raises:
        ConfigError: names the field, or the shape.
    """
    name, tokens = type(model).__name__, are_tokens(x)
    for field in ("outputs", "read", *(["vocabulary"] if tokens else [])):
        if getattr(model, field) is None:
            raise ConfigError(f"{name}.{field} = None: fit fills it from the data; set it to use the module alone.")
    if x.ndim != (2 if tokens else 3):
        kind = "integers" if tokens else "floats"
        raise ConfigError(f"{name} takes tokens [time] or features [time, features], not {kind} of shape {x.shape[1:]}.")
    if decoded is not None:
        raise ConfigError(f"{name}: lengths came with decode = True, which goes on from whole steps; None is allowed.")
    return model.outputs, model.read


class Embed(Layer):
    """A learnt vector for each token, y = Eₓ with E [vocabulary, features]; features pass as they are.

    E is drawn like the kernel of a linear head from features to tokens, and transposed, so that its fan_in is `features`. With
    `LecunNormal` the entries are N(0, 1/features), and a token's vector has length 1 or so for every width. As a map of one-hot
    inputs E would have fan_in = vocabulary although only one input is on, and would be tiny for a large vocabulary.

    Args:
        features: the features of a token's vector.
        vocabulary: the number of tokens; None where the inputs are features.
        kernel_init: how E is drawn.
    """

    features: int
    vocabulary: int | None
    kernel_init: Initializer

    @nn.compact
    def __call__(self, x: Steps) -> Float[Array, "batch time features"]:
        if not are_tokens(x):
            return x
        assert self.vocabulary is not None
        shape, dtype = (self.features, self.vocabulary), jnp.result_type(float)
        init = self.kernel_init
        table = self.weight("embedding", lambda key: init.settle(init(key, shape, dtype).T, lambda table: table[x]))
        return table[x]

    @property
    def vectors(self) -> Float[Array, "vocabulary features"] | None:
        """E, once the layer was called with tokens; None where the inputs are features."""
        return self.get_variable("params", "embedding")


def read(h: Float[Array, "batch time features"], lengths: Int[Array, " batch"] | None, how: Read) -> Float[Array, "batch ..."]:
    """Gives what the head reads: h of every step, h at step lengths - 1, or the mean of h over the true steps.

    Args:
        h: the states of the last layer.
        lengths: the true number of steps of each sequence, at least 1; None where no sequence is padded.
        how: "every" gives [batch, time, features], "last" and "mean" [batch, features].

    >>> read(jnp.arange(3.0).reshape(1, 3, 1), jnp.array([2]), "last").tolist()
    [[1.0]]
    """
    if how == "every":
        return h
    if how == "mean":
        if lengths is None:
            return jnp.mean(h, axis=1)
        total = jnp.sum(jnp.where(true_steps(lengths, h.shape[1])[..., None], h, 0), axis=1)
        return total / jnp.maximum(lengths, 1)[:, None].astype(h.dtype)
    if lengths is None:
        return h[:, -1]
    return jnp.take_along_axis(h, lengths[:, None, None] - 1, axis=1)[:, 0]


def empty_cache(model: nn.Module, variables: Any, x: Steps) -> Any:
    """Gives the cache before the first step: zeros, of the shapes of the cache after decoding `x`.

    Args:
        model: any sequence model.
        variables: the variables of the model, without a cache.
        x: steps as they will be decoded, for their batch size and dtype; one step is enough.
    """

    def decode() -> Any:
        return model.apply(variables, x[:, :1], train=False, decode=True, mutable=["cache"])[1]["cache"]

    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(decode))
