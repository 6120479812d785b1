"""What cannot be a model of NNX, Equinox or Haiku is refused in one sentence; what is drawn, and how it is written."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxtricks as jt
from jaxtricks.config import ConfigError

eqx = pytest.importorskip("equinox")
hk = pytest.importorskip("haiku")
same = importlib.import_module("tests.models.same")

HOW = {"layout": jt.Layout(runs=1), "progress": False}
NNX_NET = nnx.Linear(5, 3, rngs=nnx.Rngs(0))
EQUINOX_NET = eqx.nn.Linear(5, 3, key=jax.random.key(0))


class Wide(nnx.Module):
    """Its constructor asks for more than random numbers."""

    def __init__(self, width, *, rngs):
        self.dense = nnx.Linear(5, width, rngs=rngs)


class Failing(nnx.Module):
    def __init__(self, rngs):
        self.dense = nnx.Linear(5, 3, rngs=rngs)

    def __call__(self, x):
        return self.missing(x)


class Leaf(eqx.Module):
    """One more leaf than arrays."""

    dense: eqx.nn.Linear
    scale: object

    def __init__(self, key, scale=1.0):
        self.dense, self.scale = eqx.nn.Linear(5, 3, key=key), scale

    def __call__(self, x):
        return self.scale * self.dense(x)


class Splitting(Leaf):
    """It asks for random numbers where there are none."""

    def __init__(self, key):
        super().__init__(key, None)

    def __call__(self, x, key):
        return self.dense(x) + jax.random.normal(jax.random.split(key)[0])


class Alone(eqx.Module):
    """It has a state, and gives none back."""

    norm: eqx.nn.BatchNorm

    def __init__(self, key):
        self.norm = eqx.nn.BatchNorm(5, axis_name="batch", mode="batch")

    def __call__(self, x, state):
        return self.norm(x, state)[0]


def scores(x, is_training):
    return hk.Linear(3)(x)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: NNX_NET,
            "this Linear is built already, and all restarts would begin with its weights; write jaxtricks.models.NNX(",
        ),
        (
            lambda: EQUINOX_NET,
            "this Linear is built already, .* write jaxtricks.models.Equinox(build) with def build(key): return ",
        ),
        (lambda: jt.models.Haiku(3), "Haiku.function = 3 is no function that calls Haiku's modules, transformed or not."),
        (
            lambda: hk.multi_transform,
            "is not one of .*, a class of NNX or Equinox modules, jaxtricks.models.NNX, Equinox, Haiku ",
        ),
        (lambda: scores, "Experiment.model = <function scores.* is not one of .*, jaxtricks.models.NNX, Equinox, Haiku or "),
        (lambda: jt.models.NNX, "Experiment.model = NNX is a class; write NNX(…)"),
    ],
)
def test_what_is_no_model_is_refused_by_the_experiment(make, sentence):
    with pytest.raises(ConfigError) as refused:
        jt.Experiment(model=make())
    assert matches(sentence, refused)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Wide, "NNX.build = Wide needs width beside rngs; .* def build(rngs): return Wide(…, rngs=rngs)."),
        (jt.models.NNX(lambda rngs: NNX_NET), "this Linear is built already, and all restarts would begin with its weights;"),
        (jt.models.NNX(lambda rngs: 3), "NNX.build = <lambda> gives a int; an nnx.Module is allowed."),
        (jt.models.NNX(lambda rngs: nnx.Linear(5, 0.5, rngs=rngs)), "NNX.build = <lambda> fails, called with rngs: TypeError: "),
        (
            jt.models.NNX(lambda rngs: nnx.Linear(5, 4, rngs=rngs)),
            "NNX(<lambda>) gives logits of shape (16, 4), and the data's 3",
        ),
        (
            jt.models.NNX(lambda rngs: nnx.Linear(7, 3, rngs=rngs)),
            "NNX(<lambda>) fails in evaluation, without random numbers, for a batch of shape (16, 5): TypeError: ",
        ),
        (
            Failing,
            "NNX(Failing) fails in evaluation, without .* for a batch of shape (16, 5): AttributeError: 'Failing' object has",
        ),
        (jt.models.Equinox(lambda key: EQUINOX_NET), "this Linear is built already, .* write jaxtricks.models.Equinox(build)"),
        (jt.models.Equinox(lambda key: 3), "Equinox.build = <lambda> gives a int; an eqx.Module is allowed, or (module, state) "),
        (
            jt.models.Equinox(lambda key: eqx.nn.Linear(5, 4, key=key)),
            "Equinox(<lambda>) gives logits of shape (16, 4), and the ",
        ),
        (
            Leaf,
            "Leaf.scale is a Python number, which Equinox does not train; jnp.asarray(…) is trained, and eqx.field(static=True)",
        ),
        (jt.models.Equinox(lambda key: Leaf(key, np.ones(3))), "Leaf.scale is a NumPy array, which Equinox does not train; "),
        (Alone, "Experiment.model: Alone is called with a state and gives a .*; (scores, state) is allowed."),
        (Splitting, "Equinox(Splitting) fails in evaluation, without random numbers, for a batch of shape (16, 5): TypeError: "),
        (jt.models.Haiku(lambda x: hk.dropout(hk.next_rng_key(), 0.5, x)), "fails in evaluation, without random numbers, .*RNG"),
        (jt.models.Haiku(lambda x: hk.Linear(4)(x)), "Haiku(<lambda>) gives logits of shape (16, 4), and the data's 3 classes"),
        (jt.models.Haiku(lambda x, rate: x), "<lambda> needs an argument 'rate', which no model is given; there are: train, "),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_compiles(model, sentence, blobs, compiled):
    with pytest.raises(ConfigError) as refused:
        jt.fit(jt.Experiment(model=model, batch_size=16), blobs, seeds=1, **HOW)
    assert matches(sentence, refused) and not compiled


def matches(sentence, refused):
    """Whether the parts of a sentence stand one after the other in an error of one line."""
    said, place = str(refused.value), 0
    assert "\n" not in said
    for part in sentence.split(".*"):
        assert part in said[place:], said
        place = said.index(part, place) + len(part)
    return True


def test_padded_sequences_ask_for_a_module_that_takes_their_lengths(blobs):
    x = jt.Dataset.from_arrays(np.ones((60, 4, 2), np.float32), blobs.y, lengths=np.full(60, 3))
    with pytest.raises(ConfigError, match=r"Failing takes no argument 'lengths', the true steps of each sequence, and the data"):
        jt.fit(jt.Experiment(model=Failing, batch_size=16), x, seeds=1, **HOW)


def test_a_lambda_trains_but_has_no_name_for_a_checkpoint(blobs, tmp_path):
    experiment = jt.Experiment(model=jt.models.NNX(lambda rngs: nnx.Linear(5, 3, rngs=rngs)), batch_size=16, epochs=1)
    assert np.isfinite(jt.fit(experiment, blobs, seeds=1, **HOW).curves["nll"]).all()
    with pytest.raises(
        ConfigError, match=r"<lambda> cannot be written down; define it by name at the top of an importable module"
    ):
        jt.fit(experiment, blobs, seeds=1, checkpoints=jt.Checkpoints(tmp_path), **HOW)


@pytest.mark.parametrize(
    "model",
    [same.NNX, jt.models.Equinox(same.equinox_dropping), jt.models.Haiku(same.haiku), hk.transform_with_state(same.haiku)],
)
def test_a_model_by_its_functions_name_is_written_and_read(model):
    experiment = jt.Experiment(model=model)
    again = jt.Experiment.from_json(experiment.to_json())
    assert again == experiment and again.fingerprint() == experiment.fingerprint()


def test_dropout_changes_neither_the_weights_nor_the_other_masks():
    """By the layer's path in NNX, and by the parameter's name in Haiku."""

    def build(rngs, first):
        layers = {"below": nnx.Linear(5, 4, rngs=rngs), "above": nnx.Linear(4, 3, rngs=rngs)}
        return Stack(layers, {name: nnx.Dropout(0.5, rngs=rngs) for name in (*first, "last")})

    class Stack(nnx.Module):
        def __init__(self, layers, masks):
            for name, part in (layers | masks).items():
                setattr(self, name, part)
            self.masks = tuple(masks)

        def __call__(self, x):
            return self.last(jnp.ones((4, 50))), x

    key, x = jax.random.key(7), jnp.ones((4, 5))
    drawn, masks = [], []
    for first in ((), ("first",)):
        model = jt.models.NNX(lambda rngs, first=first: build(rngs, first))
        drawn.append(model.drawn(key, x, None))
        (mask, _), _ = model.called(drawn[-1], x, None, train=True, key=key, mutable=())
        masks.append(mask)
        still = model.called(drawn[-1], x, None, train=False, key=None, mutable=())[0][0]
        np.testing.assert_array_equal(still, 1)
    jax.tree.map(np.testing.assert_array_equal, *drawn)
    np.testing.assert_array_equal(*masks)
    other = model.called(drawn[-1], x, None, train=True, key=jax.random.key(8), mutable=())[0][0]
    assert (other != masks[0]).any() and (masks[0] == 0).any()

    def network(x, more=False):
        x = hk.dropout(hk.next_rng_key(), 0.5, x) if more else x
        return hk.Linear(3, name="above")(hk.Linear(4, name="extra")(x) if more else x[:, :4])

    plain, more = (jt.models.Haiku(lambda x, m=m: network(x, m)).drawn(key, x, None)["params"] for m in (False, True))
    jax.tree.map(np.testing.assert_array_equal, plain["above"], more["above"])
