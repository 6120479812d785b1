"""What tests of sequence models ask of a network."""

import flax
import jax
import jax.numpy as jnp
import numpy as np


def shapes(model, x):
    """Path → shape of every parameter."""
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))["params"]
    return {path: leaf.shape for path, leaf in flax.traverse_util.flatten_dict(params, sep="/").items()}


def trained(model, x):
    """Parameters, biases and all away from zero, logits in training, and the gradient of a loss, by path."""

    def both():
        params = model.init({"params": jax.random.key(0)}, x, train=False)["params"]
        params = jax.tree.map(lambda leaf: leaf + 0.1 * jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape), params)

        def loss(params):
            logits = model.apply({"params": params}, x, train=True, rngs={"dropout": jax.random.key(7)})
            return jnp.mean(jnp.square(logits - 1)), logits

        (_, logits), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return params, logits, gradient

    params, logits, gradient = jax.jit(both)()
    return params, np.asarray(logits), flax.traverse_util.flatten_dict(gradient, sep="/")
