"""The recurrent network, rows T003, T063 to T065 and T068 to T071."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtricks.config import ConfigError, stack
from jaxtricks.models import sequence
from jaxtricks.models.rnn import RNN, backwards
from jaxtricks.nn.cells import GRU, TanhCell
from jaxtricks.nn.initial_state import LearnedState
from jaxtricks.nn.recurrent_dropout import Variational, Zoneout
from jaxtricks.nn.recurrent_norm import InputBatchNorm, RecurrentBatchNorm, RecurrentLayerNorm

VOCABULARY, TIME, LENGTHS = 7, 6, jnp.array([6, 3, 4])
TOKENS = jax.random.randint(jax.random.key(0), (3, TIME), 1, VOCABULARY)
FEATURES = jax.random.normal(jax.random.key(1), (3, TIME, 2))
PADDED = jnp.where(jnp.arange(TIME)[None] < LENGTHS[:, None], TOKENS, 0)
rnn = partial(RNN, widths=(5, 5), embedding=4, outputs=3, vocabulary=VOCABULARY, read="every")


def start(model, x=TOKENS):
    return {"params": model.init({"params": jax.random.key(2)}, x, train=False)["params"]}


def run(model, variables, x=TOKENS, lengths=None, **how):
    """Scores, and the collections that changed."""
    how = {"train": False, "mutable": ["carry", "cache", "penalties", "batch_stats"]} | how
    apply = jax.jit(lambda variables, x, lengths: model.apply(variables, x, lengths=lengths, **how))
    return apply(variables, x, lengths)


def train(model, variables, x=TOKENS, lengths=None, seed=0):
    return run(model, variables, x, lengths, train=True, rngs={"dropout": jax.random.key(seed)})


# Together, all options of the model.
OPTIONS = {
    "lstm": {"recurrent_normalization": RecurrentLayerNorm(), "zoneout": Zoneout(), "update_dropout": 0.5, "drop_connect": 0.5},
    "gru": {"cell": GRU(), "bidirectional": True, "combine": "concat_layers", "variational": Variational(), "dropout": 0.5},
    "tanh": {
        "cell": TanhCell(),
        "combine": "sum_layers",
        "recurrent_normalization": InputBatchNorm(),
        "initial_state": "learned",
    },
    "both": {"recurrent_normalization": RecurrentBatchNorm(), "bidirectional": True, "combine": "sum_layers"},
}


@pytest.mark.parametrize(("name", "how"), [*((name, "every") for name in OPTIONS), ("gru", "last"), ("gru", "mean")])
def test_padded_is_unpadded(name, how):
    model = rnn(**OPTIONS[name], read=how)
    variables = model.init({"params": jax.random.key(2)}, TOKENS, train=False)
    scores, _ = run(model, variables, PADDED, LENGTHS)
    alone, _ = run(model, variables, TOKENS[1:2, :3])  # the second sequence, of three steps
    np.testing.assert_allclose(scores[1:2, :3] if how == "every" else scores[1:2], alone, rtol=1e-5, atol=1e-6)


def test_backwards_starts_at_the_true_end_and_twice_is_as_it_was():
    x = jnp.arange(12.0).reshape(4, 3, 1)
    lengths = jnp.array([4, 2, 1])
    once = backwards(x, lengths)
    np.testing.assert_array_equal(once[:, 1, 0], [4, 1, 7, 10])
    np.testing.assert_array_equal(once[:, 0, 0], [9, 6, 3, 0])
    np.testing.assert_array_equal(backwards(once, lengths), x)
    np.testing.assert_array_equal(backwards(x, None), x[::-1])


def test_two_directions_are_two_networks_of_which_one_reads_the_text_backwards():
    both, one = rnn(widths=(5,), bidirectional=True, read="last"), rnn(widths=(5,), read="last")
    params = start(both)["params"]
    kernel, bias = params["head"]["kernel"], params["head"]["bias"]
    halves = []
    for layer, rows, x in (("layer_0", slice(5), TOKENS), ("layer_0_backward", slice(5, 10), TOKENS[:, ::-1])):
        given = {"embed": params["embed"], "layer_0": params[layer], "head": {"kernel": kernel[rows], "bias": 0 * bias}}
        halves.append(run(one, {"params": given}, x)[0])
    np.testing.assert_allclose(run(both, {"params": params})[0], sum(halves) + bias[None], rtol=1e-5, atol=1e-6)


def test_layers_combine_as_they_say():
    models = {name: rnn(combine=name) for name in ("last_layer", "sum_layers", "concat_layers")}
    params = start(models["concat_layers"])["params"]
    kernel, bias = np.split(np.asarray(params["head"]["kernel"]), 2), params["head"]["bias"]

    def scores(name, kernel):
        return run(models[name], {"params": params | {"head": {"kernel": jnp.asarray(kernel), "bias": bias}}})[0]

    last = scores("last_layer", kernel[1])
    both = scores("concat_layers", np.concatenate([kernel[1], kernel[1]]))
    np.testing.assert_allclose(scores("sum_layers", kernel[1]), both, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores("concat_layers", np.concatenate([0 * kernel[0], kernel[1]])), last, rtol=1e-5, atol=1e-6)
    assert not np.allclose(both, last, rtol=1e-2)


def test_carried_batches_are_one_long_sequence():
    model, whole = rnn(carry_state=True, initial_state=LearnedState()), rnn(initial_state=LearnedState())
    variables = start(whole)
    first, state = train(model, variables, TOKENS[:, :2])
    second, _ = train(model, variables | state, TOKENS[:, 2:])
    np.testing.assert_allclose(jnp.concatenate([first, second], 1), run(whole, variables)[0], rtol=1e-5, atol=1e-6)
    assert {int(layer["begun"]) for layer in state["carry"].values()} == {1}


def test_decoding_gives_the_scores_of_the_whole():
    model = rnn(cell=GRU())
    variables, cache, steps = start(model), {}, []
    cache = {"cache": sequence.empty_cache(model, variables, TOKENS)}
    for part in (TOKENS[:, :2], TOKENS[:, 2:3], TOKENS[:, 3:]):
        scores, cache = run(model, variables | cache, part, decode=True, mutable=["cache"])
        steps.append(scores)
    np.testing.assert_allclose(jnp.concatenate(steps, 1), run(model, variables)[0], rtol=1e-5, atol=1e-6)
    assert "cache" not in run(model, variables)[1]


NEUTRAL = {
    "dropout": 0.0,
    "variational": Variational(words=0.0, inputs=0.0, recurrent=0.0, outputs=0.0),
    "update_dropout": 0.0,
    "zoneout": Zoneout(cell=0.0, state=0.0),
    "drop_connect": 0.0,
    "activation_penalty": 0.0,
    "temporal_penalty": 0.0,
}
ON = {"dropout": 0.5, "variational": Variational(), "update_dropout": 0.5, "zoneout": Zoneout(), "drop_connect": 0.5}


def test_all_neutral_values_are_off():
    variables = start(rnn())
    off, neutral = train(rnn(), variables)[0], train(rnn(**NEUTRAL), variables)
    np.testing.assert_allclose(neutral[0], off, rtol=1e-6, atol=1e-6)
    assert all(float(sown[0].value) == 0 for sown in neutral[1]["penalties"].values())


@pytest.mark.parametrize("name", ON)
def test_on_changes_training_and_at_test_there_is_no_chance(name):
    model = rnn(**{name: ON[name]})
    variables = start(rnn())
    one, other = (train(model, variables, seed=seed)[0] for seed in (0, 1))
    assert not np.allclose(one, other, rtol=1e-3)
    scores = run(model, variables)[0]
    if name != "zoneout":  # whose expectation changes the states
        np.testing.assert_array_equal(scores, run(rnn(), variables)[0])


class TestPenalties:
    def test_they_are_what_they_say_over_true_steps(self):
        model = rnn(widths=(5,), activation_penalty=2.0, temporal_penalty=3.0)
        variables = start(model)
        penalties = train(model, variables, PADDED, LENGTHS)[1]["penalties"]
        head = {"kernel": jnp.eye(5), "bias": jnp.zeros(5)}
        states = np.asarray(run(rnn(widths=(5,), outputs=5), {"params": variables["params"] | {"head": head}})[0])
        true = np.asarray(jnp.arange(TIME)[None] < LENGTHS[:, None])
        changes = (states[:, 1:] - states[:, :-1])[true[:, 1:]]
        np.testing.assert_allclose(penalties["activation"][0].value, 2 * np.mean(states[true] ** 2), rtol=1e-5)
        np.testing.assert_allclose(penalties["temporal"][0].value, 3 * np.mean(changes**2), rtol=1e-5)

    def test_activations_count_after_dropout_and_changes_before(self):
        base, dropped = rnn(activation_penalty=1.0, temporal_penalty=1.0), Variational(words=0.0, inputs=0.0, recurrent=0.0)
        variables = start(base)
        models = base, rnn(activation_penalty=1.0, temporal_penalty=1.0, variational=dropped)
        plain, noisy = (train(model, variables)[1]["penalties"] for model in models)
        np.testing.assert_allclose(plain["temporal"], noisy["temporal"], rtol=1e-6)
        assert not np.allclose(plain["activation"], noisy["activation"], rtol=1e-3)

    def test_there_are_none_at_test_nor_at_the_start_and_one_step_has_no_change(self):
        model = rnn(temporal_penalty=1.0)
        assert "penalties" not in model.init({"params": jax.random.key(2)}, TOKENS, train=True)
        assert "penalties" not in run(model, start(model))[1]
        assert float(train(model, start(model), TOKENS[:, :1])[1]["penalties"]["temporal"][0].value) == 0


def intermediates(model, x):
    """What every submodule gave in training, and the variables."""
    variables = start(model, x)
    _, state = model.apply(
        variables, x, train=True, rngs={"dropout": jax.random.key(0)}, capture_intermediates=True, mutable=["intermediates"]
    )
    return state["intermediates"], variables


class TestPlaces:
    def test_words_are_dropped_whole_wherever_they_stand_in_a_sequence(self):
        x = jnp.tile(jnp.arange(VOCABULARY), (64, 2))
        model = rnn(widths=(5,), variational=Variational(words=0.5, inputs=0.0, recurrent=0.0, outputs=0.0))
        masks, variables = intermediates(model, x)
        kept = np.asarray(masks["layer_0"]["input"]["__call__"][0])  # ones: no unit of an input
        assert np.all(kept == 1)
        types = np.asarray(masks["variational_words"]["__call__"][0])
        assert types.shape == (64, VOCABULARY) and abs(np.mean(types == 0) - 0.5) < 0.1
        assert set(np.unique(types)) == {0.0, 2.0}
        # The sequence is one of a table of words in which the dropped ones are zeros.
        (scores,), table = masks["head"]["__call__"], variables["params"]["embed"]["embedding"]
        for row in range(3):
            known = {"params": variables["params"] | {"embed": {"embedding": table * types[row][:, None]}}}
            np.testing.assert_allclose(run(rnn(widths=(5,)), known, x[row : row + 1])[0][0], scores[row], rtol=1e-4, atol=1e-5)

    def test_dropout_between_layers_is_new_in_each_step_and_variational_is_not(self):
        model = rnn(dropout=0.5, variational=Variational())
        masks, _ = intermediates(model, TOKENS)
        places = ["inputs_0", "inputs_1", "outputs"]
        for name in places:
            each = np.asarray(masks[f"dropout_{name}"]["__call__"][0]) == 0
            assert each.shape[:2] == (TIME, 3) and any(not np.array_equal(each[0], step) for step in each)
        held = masks["layer_0"]["input"], masks["layer_1"]["input"], masks["layer_1"]["recurrent"], masks["variational_outputs"]
        for mask in (np.asarray(place["__call__"][0]) for place in held):
            assert mask.shape in {(3, 4), (3, 5), (1, 3, 5)} and len(np.unique(mask)) == 2
        assert {name for name in masks if "dropout" in name} == {f"dropout_{name}" for name in places}


def test_rates_are_traced_and_gradients_reach_every_parameter():
    variations = [
        rnn(dropout=r, zoneout=Zoneout(cell=r), variational=Variational(words=r), activation_penalty=r) for r in (0.1, 0.5)
    ]
    variables = start(variations[0])

    def gradient(model):
        def loss(params):
            scores, changed = model.apply(
                {"params": params}, TOKENS, train=True, rngs={"dropout": jax.random.key(0)}, mutable=["penalties"]
            )
            return jnp.sum(scores**2) + sum(jax.tree.leaves(changed))

        return jax.grad(loss)(variables["params"])

    together = jax.jit(jax.vmap(gradient))(stack(variations))
    for row, model in enumerate(variations):
        alone = jax.jit(gradient)(model)
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[row], b, rtol=1e-4, atol=1e-5)
            assert np.any(np.asarray(b) != 0)


def test_features_need_no_vocabulary():
    model = rnn(vocabulary=None, read="last")
    variables = model.init({"params": jax.random.key(0)}, FEATURES, train=False)
    assert "embed" not in variables["params"]
    assert run(model, variables, FEATURES)[0].shape == (3, 3)


@pytest.mark.parametrize(
    ("fields", "how", "words"),
    [
        ({"widths": (4, 5), "combine": "sum_layers"}, {}, ["RNN.widths = (4, 5)", "one width"]),
        ({"bidirectional": True, "carry_state": True}, {}, ["RNN.bidirectional", "carry_state"]),
        ({"bidirectional": True}, {"decode": True}, ["RNN.bidirectional", "decoding"]),
        ({"outputs": None}, {}, ["RNN.outputs = None"]),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(fields, how, words):
    with pytest.raises(ConfigError) as error:
        jax.eval_shape(lambda: rnn(**fields).init({"params": jax.random.key(0)}, TOKENS, train=False, **how))
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)
