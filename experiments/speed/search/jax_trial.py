"""One restart in plain JAX, Flax and Optax, as a user of hyperoptax writes it: a pure function of a key and settings."""

from collections.abc import Callable
from typing import Any

from experiments.speed.search.task import B2, BATCH, CLASSES, EPOCHS, STEPS, TRAIN, UNITS, Settings, arrays


def trainer() -> Callable[[Any, Settings], Any]:
    """A function that trains one restart, and gives its validation accuracy; settings may be traced."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax

    train_x, train_y, test_x, test_y = map(jnp.asarray, arrays())
    normal = nn.initializers.variance_scaling(1.0, "fan_in", "normal")

    def forward(params: Any, x: Any, mask: Any) -> Any:
        units = jax.nn.relu(x @ params["hidden"]["kernel"] + params["hidden"]["bias"][None])
        return (units * mask) @ params["head"]["kernel"] + params["head"]["bias"][None]

    def train(key: Any, settings: Settings) -> Any:
        first, second, shuffles, masks = jax.random.split(key, 4)
        params = {
            "hidden": {"kernel": normal(first, (train_x.shape[1], UNITS)), "bias": jnp.zeros(UNITS)},
            "head": {"kernel": normal(second, (UNITS, CLASSES)), "bias": jnp.zeros(CLASSES)},
        }
        kernels = {layer: {"kernel": True, "bias": False} for layer in params}
        optimizer = optax.adamw(settings.learning_rate, settings.b1, B2, weight_decay=settings.weight_decay, mask=kernels)

        def loss(params: Any, indices: Any, key: Any) -> Any:
            kept = jax.random.bernoulli(key, 1 - settings.dropout, (BATCH, UNITS))
            logits = forward(params, train_x[indices], kept / (1 - settings.dropout))
            return optax.softmax_cross_entropy_with_integer_labels(logits, train_y[indices]).mean()

        def step(carry: Any, given: Any) -> Any:
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params, *given), state, params)
            return (optax.apply_updates(params, updates), state), None

        def epoch(carry: Any, keys: Any) -> Any:
            order = jax.random.permutation(keys[0], TRAIN)[: STEPS * BATCH].reshape(STEPS, BATCH)
            return jax.lax.scan(step, carry, (order, jax.random.split(keys[1], STEPS)))

        keys = jnp.stack([jax.random.split(shuffles, EPOCHS), jax.random.split(masks, EPOCHS)], axis=1)
        (params, _), _ = jax.lax.scan(epoch, (params, optimizer.init(params)), keys)
        return (forward(params, test_x, jnp.ones((1, UNITS))).argmax(-1) == test_y).mean()

    return train
