"""Models that are no Linen modules: two functions, and classes that say by hand what the engine asks of a model."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, hyperparameters
from jaxtricks.models.contract import Traits, contract

HOW = {"layout": jt.Layout(runs=1), "progress": False}


@pytest.fixture(scope="module")
def clouds():
    """Three overlapping clouds of 20 points each, in five dimensions."""
    y = np.repeat(np.arange(3), 20)
    draw = np.random.default_rng(0)
    return jt.Dataset.from_arrays(2 * draw.normal(size=(3, 5))[y] + draw.normal(size=(60, 5)) + 5, y, name="clouds")


class Layers(nn.Module):
    """What the functions below do, in Linen; its parameters are drawn by its layers' names."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.Dense(4, name="below")(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, use_fast_variance=False, name="norm")(x)
        return nn.Dense(3, name="above")(jnp.tanh(x))


def init(key, x):
    """The same weights, as a list of pairs."""
    params = Layers().init({"params": key}, x, train=False)["params"]
    return [(params[name]["kernel"], params[name]["bias"]) for name in ("below", "above")]


def apply(params, x, *, train, key):
    (w, b), (v, c) = params
    return jnp.tanh(x @ w + b[None]) @ v + c[None]


def init_normed(key, x):
    return init(key, x), {"batch_stats": (jnp.zeros(4), jnp.ones(4))}


def apply_normed(params, state, x, *, train, key):
    (w, b), (v, c) = params
    h = x @ w + b[None]
    if train:
        now = jnp.mean(h, axis=0), jnp.var(h, axis=0)
        state = {"batch_stats": tuple(0.7 * old + 0.3 * new for old, new in zip(state["batch_stats"], now, strict=True))}
    else:
        now = state["batch_stats"]
    return jnp.tanh((h - now[0][None]) / jnp.sqrt(now[1][None] + 1e-5)) @ v + c[None], state


def apply_dropping(params, x, *, train, key):
    assert (key is not None) == train
    (w, b), (v, c) = params
    h = jnp.tanh(x @ w + b[None])
    kept = jax.random.bernoulli(key, 0.8, h.shape) if train else 0.8
    return (h * kept) @ v + c[None]


def apply_penalized(params, state, x, *, train, key):
    return apply(params, x, train=train, key=key), state | {"penalties": {"weights": 0.1 * jnp.sum(params[0][0] ** 2)}}


class Unnormed(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(3, name="above")(jnp.tanh(nn.Dense(4, name="below")(x)))


def test_two_functions_train_as_the_same_linen_module_does(clouds):
    base = jt.Experiment(batch_size=16, epochs=3)
    linen, functional = (
        jt.fit(base.replace({"model": model}), clouds, seeds=3, **HOW) for model in (Unnormed(), jt.Functional(init, apply))
    )
    np.testing.assert_allclose(functional.curves["train_loss"], linen.curves["train_loss"], rtol=1e-5)
    np.testing.assert_allclose(functional.curves["nll"], linen.curves["nll"], rtol=1e-5)
    # Beside the same parameters, one by one, lie those of Linen in a tree of names.
    np.testing.assert_allclose(functional.variables["params"][0][0], linen.variables["params"]["below"]["kernel"], rtol=1e-4)


def test_a_state_of_running_averages_goes_from_batch_to_batch(clouds):
    experiment = jt.Experiment(model=jt.Functional(init_normed, apply_normed, stateful=True), batch_size=16, epochs=1)
    runs = jt.fit(experiment, clouds, seeds=1, **HOW)
    mean, var = runs.variables["batch_stats"]
    assert not np.allclose(mean, 0, atol=1e-3) and not np.allclose(var, 1, atol=1e-3)


def test_functions_are_one_program_with_several_learning_rates(clouds, compiled):
    base = jt.Experiment(model=jt.Functional(init, apply), batch_size=16, epochs=2)
    jt.fit([base.replace({"optimizer.rule.learning_rate": rate}) for rate in (1e-4, 1e-2)], clouds, seeds=2, **HOW)
    assert sum("advance" in name for name in compiled) == 1


def test_masks_are_keyed_and_absent_in_evaluation(clouds):
    experiment = jt.Experiment(model=jt.Functional(init, apply_dropping), batch_size=16, epochs=2)
    first, again = (jt.fit(experiment, clouds, seeds=2, **HOW) for _ in range(2))
    plain = jt.fit(experiment.replace({"model": jt.Functional(init, apply)}), clouds, seeds=2, **HOW)
    np.testing.assert_array_equal(first.curves["train_loss"], again.curves["train_loss"])
    assert not np.allclose(first.curves["train_loss"], plain.curves["train_loss"], rtol=1e-3)


def test_penalties_are_added_to_the_loss(clouds):
    model = jt.Functional(lambda key, x: (init(key, x), {}), apply_penalized, stateful=True)
    optimizer = jt.Optimizer(rule=jt.SGD(learning_rate=0.1))
    experiment = jt.Experiment(model=model, optimizer=optimizer, batch_size=16, epochs=5)
    penalized = jt.fit(experiment, clouds, seeds=1, **HOW)
    plain = jt.fit(experiment.replace({"model": jt.Functional(init, apply)}), clouds, seeds=1, **HOW)
    lengths = [np.sum(runs.variables["params"][0][0] ** 2) for runs in (penalized, plain)]
    assert lengths[0] < 0.9 * lengths[1]


def test_layers_can_be_frozen_by_their_places(clouds):
    experiment = jt.Experiment(model=jt.Functional(init, apply), optimizer=jt.Optimizer(frozen=("0",)), batch_size=16, epochs=1)
    changes = [{}, {"optimizer.rule.learning_rate": 1e-30}]
    trained, still = (jt.fit(experiment.replace(change), clouds, seeds=1, **HOW) for change in changes)
    (below, above), (below_still, above_still) = (runs.variables["params"] for runs in (trained, still))
    np.testing.assert_array_equal(below[0], below_still[0])
    assert np.abs(above[0] - above_still[0]).max() > 1e-4


def test_weights_go_over_by_their_places_in_a_list_too(clouds):
    still = jt.Optimizer(rule=jt.SGD(learning_rate=1e-30))
    base = jt.Experiment(model=jt.Functional(init, apply), batch_size=16, epochs=1)
    earlier = jt.fit(base, clouds, seeds=2, **HOW)
    seeds = jt.Seeds(2, transfer=jt.Transfer(earlier, fresh=("1",)))
    later = jt.fit(base.replace({"optimizer": still}), clouds, seeds=seeds, **HOW)
    (below, above), (below_before, above_before) = later.variables["params"], earlier.variables["params"]
    np.testing.assert_allclose(below[0], below_before[0], rtol=1e-6)
    assert np.abs(above[0] - above_before[0]).max() > 1e-4
    with pytest.raises(ConfigError, match=r"^Transfer\.fresh = 'head' names no layer of the model; there are: 0, 1\.$"):
        jt.fit(base, clouds, seeds=jt.Seeds(2, transfer=jt.Transfer(earlier, fresh=("head",))), **HOW)


def test_what_is_carried_starts_anew_in_each_epoch():
    text = jt.load("python_topics", text=jt.Text("char", length=8)).subset(64, 0)
    tokens = len(text.vocabulary)

    def init(key, x):
        return jax.random.normal(key, (tokens, tokens)) / 4, {"carry": jnp.zeros(len(x))}

    def apply(params, state, x, *, train, key):
        """The next token by the present one; what is carried is how many batches came before."""
        return params[x], {"carry": state["carry"] + 1}

    model = jt.Functional(init, apply, stateful=True, traits=Traits(carries_state=True))
    runs = jt.fit(jt.Experiment(model=model, order="contiguous", batch_size=16, epochs=3), text, seeds=1, **HOW)
    batches = len(text.split(0).train) // 16
    assert batches > 1
    np.testing.assert_array_equal(runs.states.collections["carry"], np.full((1, 16), batches))


def test_an_experiment_with_functions_is_written_and_read():
    experiment = jt.Experiment(model=jt.Functional(init_normed, apply_normed, stateful=True, traits=Traits(cpu_width=2)))
    again = jt.Experiment.from_json(experiment.to_json())
    assert again == experiment and again.fingerprint() == experiment.fingerprint()
    assert hyperparameters(experiment.model) == {} and contract(again.model).traits.cpu_width == 2
    with pytest.raises(ConfigError, match="cannot be written down"):
        jt.Experiment(model=jt.Functional(init, lambda params, x, train, key: x)).to_json()


@jt.extend.config()
class Line(jt.extend.Model):
    """A linear model with a traced scale, by hand."""

    scale: float = 1.0
    outputs: int | None = None

    @property
    def traits(self):
        return Traits(cpu_width=2)

    def filled(self, known):
        return Line(scale=self.scale, outputs=known["outputs"])

    def drawn(self, key, x, lengths):
        return {"params": jax.random.normal(key, (x.shape[-1], self.outputs)) / 2}

    def called(self, variables, x, lengths, *, train, key, mutable):
        return self.scale * (x @ variables["params"]), {}


def test_a_model_by_hand_traces_its_floats_and_fills_itself(clouds, compiled):
    base = jt.Experiment(model=Line(), batch_size=16, epochs=1)
    rows = jt.fit([base.replace({"model.scale": scale}) for scale in (0.5, 1.0, 2.0)], clouds, seeds=2, **HOW)
    assert sum("advance" in name for name in compiled) == 1
    assert len({float(runs.curves["train_loss"][0, -1]) for runs in rows}) == 3
    assert rows[0].variables["params"].shape == (2, 5, 3)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (jt.Functional(init, lambda params, x, train, key: x), r"gives logits of shape \(16, 5\), and the data's 3 classes ask"),
        (
            jt.Functional(init, lambda params, x, mask: x),
            r"<lambda> needs an argument .mask., which no model is given",
        ),
        (jt.Functional(init, apply, stateful=True), r"Functional\.init gives a list; stateful = True asks for \(params, state\)"),
        (
            jt.Functional(
                init_normed, lambda params, state, x, train, key: apply(params, x, train=train, key=key), stateful=True
            ),
            r"Functional\.apply gives a .*; stateful = True asks for \(scores, state\), the state a dict\.",
        ),
        (
            jt.Functional(init_normed, lambda params, state, x, train, key: (x[:, :3], {}), stateful=True),
            r"gives back another state 'batch_stats' than it is given in training; the same arrays, of the same shapes, are",
        ),
    ],
)
def test_functions_that_do_not_fit_are_refused_in_one_sentence(clouds, model, sentence, compiled):
    with pytest.raises(ConfigError, match=sentence) as refused:
        jt.fit(jt.Experiment(model=model, batch_size=16), clouds, seeds=1, **HOW)
    assert "\n" not in str(refused.value) and not compiled


def test_what_is_no_model_is_refused():
    with pytest.raises(ConfigError, match=r"^Experiment\.model = .* is not one of .*, or a model of your own\.$"):
        jt.Experiment(model=init)
    with pytest.raises(ConfigError, match=r"^Experiment\.model = 3 is no model that the engine knows how to call\.$"):
        contract(3)
