"""What the engine is told of models: by networks of this package, by plain Linen modules, and by modules that declare it."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.models.contract import Linen, Network, Traits, contract
from tests.user_code import Plain, Scaled


class Declared(Network):
    """A user's module that says what it is like."""

    width: int = 2

    @property
    def traits(self):
        return Traits(cpu_width=self.width, statistics=("batch_stats", "moments"))

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3)(x)


@pytest.mark.parametrize(
    ("model", "traits"),
    [
        (Plain(), Traits()),
        (Scaled(), Traits()),
        (Declared(width=7), Traits(cpu_width=7, statistics=("batch_stats", "moments"))),
        (jt.MLP(), Traits(padded=False)),
        (jt.CNN(), Traits(cpu_width=1, padded=False)),
        (jt.TCN(outputs=5, vocabulary=5, read="every"), Traits(cpu_width=1, read="every", tokens=5, writes=5)),
        (jt.TCN(softmax="hierarchical", outputs=5), Traits(cpu_width=1, forward_mode=False)),
        (jt.Transformer(read="last", outputs=5), Traits(cpu_width=1, read="last")),
        (jt.Transformer(causal=False), Traits(cpu_width=1, sees_future=("causal", False))),
        (jt.RNN(carry_state=True), Traits(cpu_width=1, forward_mode=False, carries_state=True)),
        (jt.RNN(bidirectional=True), Traits(cpu_width=1, forward_mode=False, sees_future=("bidirectional", True))),
        (jt.Functional(max, min, traits=Traits(cpu_width=3)), Traits(cpu_width=3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_models_are_like(model, traits):
    assert dataclasses.replace(contract(model).traits, axes=None) == traits


def test_a_config_is_filled_where_it_left_something_to_the_data():
    known = {"outputs": 4, "vocabulary": 9, "read": "every"}
    assert contract(jt.MLP(widths=(2,))).filled(known) == jt.MLP(widths=(2,), outputs=4)
    filled = contract(jt.RNN(read="mean")).filled(known)
    assert (filled.outputs, filled.vocabulary, filled.read) == (4, 9, "mean")
    plain = Plain(outputs=None)
    assert contract(plain).filled(known) is plain


def test_a_linen_module_is_called_as_it_is():
    model, x = jt.MLP(widths=(3,), normalization="batch", dropout=0.5, outputs=2), jnp.ones((4, 5))
    seen = contract(model)
    variables = seen.drawn(jax.random.key(0), x, None)
    key = jax.random.key(1)
    scores, changed = seen.called(variables, x, None, train=True, key=key, mutable=["batch_stats"])
    expected, new = model.apply(variables, x, train=True, rngs={"dropout": key}, mutable=["batch_stats"])
    np.testing.assert_array_equal(scores, expected)
    jax.tree.map(np.testing.assert_array_equal, changed, dict(new))
    scores, changed = seen.called(variables, x, None, train=False, key=None, mutable=())
    np.testing.assert_array_equal(scores, model.apply(variables, x, train=False))
    assert changed == {}


def test_lengths_go_to_the_module_where_there_are_any():
    class Lengths(nn.Module):
        def __call__(self, x, train, lengths=None):
            return jnp.zeros(len(x)) if lengths is None else lengths

    class Whole(nn.Module):
        def __call__(self, x):
            return x

    seen = Linen(Lengths())
    how = {"train": False, "key": None, "mutable": ()}
    np.testing.assert_array_equal(seen.called({}, jnp.ones((2, 3)), jnp.array([3, 1]), **how)[0], [3, 1])
    np.testing.assert_array_equal(seen.called({}, jnp.ones((2, 3)), None, **how)[0], [0, 0])
    with pytest.raises(jt.ConfigError, match=r"Whole takes no argument .lengths., .* and the data are padded;"):
        Linen(Whole()).called({}, jnp.ones((2, 3)), jnp.array([3, 1]), **how)


@pytest.mark.parametrize(
    ("argument", "in_training"),
    [("train", True), ("training", True), ("is_training", True), ("deterministic", False), ("inference", False)],
)
def test_a_module_is_told_in_its_own_words_whether_it_trains(argument, in_training):
    namespace = {}
    exec(f"def call(self, x, {argument}): return x * {argument}", namespace)
    module = type("Module", (nn.Module,), {"__call__": namespace["call"]})()
    for train in (True, False):
        scores, _ = contract(module).called({}, jnp.ones(1), None, train=train, key=None, mutable=())
        assert bool(scores[0]) == (train == in_training)


@pytest.mark.parametrize("model", [nn.Dense(3), nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(3)])], ids=["dense", "sequential"])
def test_layers_of_flax_are_models_as_they_are(model, blobs, tmp_path):
    experiment = jt.Experiment(model=model, batch_size=16, epochs=2)
    assert jt.Experiment.from_json(experiment.to_json()) == experiment
    runs = jt.fit(experiment, blobs, seeds=2, checkpoints=jt.Checkpoints(tmp_path), progress=False)
    again = jt.resume(tmp_path, blobs, progress=False)
    np.testing.assert_array_equal(again.curves["nll"], runs.curves["nll"])
    assert again.experiment.model == runs.experiment.model
