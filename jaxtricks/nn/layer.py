"""What all layers share: draws keyed by path, and the dense layer."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float, Key

from jaxtricks.nn.depth import key_at
from jaxtricks.nn.initializers import Initializer

AT_TEST = "masks"  # the random stream of masks in an evaluation; the one in training is "dropout"


def masking(module: nn.Module, train: bool) -> str | None:
    """The random stream that a module draws masks from; None where there are none, and units are what is expected of them.

    In training masks are always drawn. In an evaluation they are drawn if it is given the stream `AT_TEST`, so that predictions
    can be averaged over masks (`jaxtricks.evaluate.MonteCarlo`).

    Args:
        module: bound, in a call.
        train: whether it is trained.
    """
    if train:
        return "dropout"
    return AT_TEST if module.has_rng(AT_TEST) else None


class Layer(nn.Module):
    """A Linen module whose random numbers depend on its path and the draw's name, not on what was drawn before.

    Linen's own `make_rng` counts the calls in a scope, so that one more parameter changes all later ones.

    >>> import flax.linen as nn
    >>> class Scale(jt.nn.Layer):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         return x * self.weight("scale", lambda key: jnp.ones(()))
    >>> Scale().init_with_output(jax.random.key(0), jnp.array(2.0))[0].item()
    2.0
    """

    def draw(self, stream: str, name: str) -> Key[Array, ""]:
        """The key of this module's draw `name` in a stream: `fold(fold(stream key, path), name)`.

        Args:
            stream: "params", "dropout" or `AT_TEST`, as given to `init` and `apply`.
            name: the draw, such as "kernel" or "mask".

        Raises:
            flax.errors.InvalidRngError: if the stream was not given.
        """
        assert self.scope is not None
        if stream not in self.scope.rngs:
            raise nn.module.errors.InvalidRngError(f"{'/'.join(self.path)} needs the random stream {stream!r}.")
        return key_at(self.scope, stream, name)

    def weight(self, name: str, init: Callable[[Key[Array, ""]], Float[Array, "..."]]) -> Float[Array, "..."]:
        """The parameter `name`, drawn at initialization by `init(key)`."""
        # After initialization Linen calls this for the shape alone, with a key of its own.
        return self.param(name, lambda key: init(self.draw("params", name) if self.is_initializing() else key))

    def affine(
        self, init: Initializer, shape: tuple[int, ...], dtype: Any, layer: Callable[[Array], Array]
    ) -> tuple[Float[Array, "..."], Float[Array, " out"]]:
        """The parameters "kernel", of `shape` [*receptive field, in, out], and "bias", [out], as an initializer draws them.

        Args:
            init: draws both.
            shape: the shape of the kernel.
            dtype: the dtype of both.
            layer: the layer's output for a given kernel, before the bias.
        """
        kernel = self.weight("kernel", lambda key: init.settle(init(key, shape, dtype), layer))
        return kernel, self.weight("bias", lambda key: init.bias(key, shape, dtype))


class Dense(Layer):
    """A linear map `y = x W + b`, with `W` [in, features] drawn by its path and `b` zero at the start (T014).

    Args:
        features: the width of the output.
        kernel_init: how W is drawn.
        drop_connect: a `Dropout` of the single weights of W; None for none.

    >>> y, variables = jt.nn.Dense(3, jt.nn.HeNormal()).init_with_output(jax.random.key(0), jnp.ones((2, 4)))
    >>> y.shape, variables["params"]["kernel"].shape
    ((2, 3), (4, 3))
    """

    features: int
    kernel_init: Initializer
    drop_connect: Callable[..., Array] | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "*batch fan_in"], train: bool = False) -> Float[Array, "*batch features"]:
        shape = (x.shape[-1], self.features)
        kernel, bias = self.affine(self.kernel_init, shape, x.dtype, lambda kernel: x @ kernel)
        if self.drop_connect is not None:
            kernel = self.drop_connect(kernel, train=train, name="connections")
        # As one product of two matrices: the gradient of a batch of products is twice as slow on a CPU.
        y = x.reshape(-1, x.shape[-1]) @ kernel + bias[None]
        return y.reshape(*x.shape[:-1], self.features)
