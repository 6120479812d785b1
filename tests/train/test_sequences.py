"""The engine on sequences: padding, carried states, buckets, values, tokens."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, rebuild
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary
from jaxtricks.restart import epoch as epochs
from jaxtricks.restart import evaluation
from jaxtricks.restart import member as one
from jaxtricks.restart.member import Member, Pool
from jaxtricks.train.prepare import prepare

fit = partial(jt.fit, progress=False, layout=jt.Layout(runs=1))
LETTERS = Vocabulary(tuple("abcdef"), Tokenizer("char"))


class Memory(nn.Module):
    """A linear recurrence on tokens, which carries its state on if it is asked to and counts the steps that it saw."""

    outputs: int = 6
    carry: bool = False

    @nn.compact
    def __call__(self, x, train, lengths=None):
        h = nn.Embed(6, 3, name="embed")(x)
        state = self.variable("carry", "state", jnp.zeros, (len(x), 3)) if self.carry and self.is_mutable() else None
        first = jnp.zeros((len(x), 3)) if state is None else state.value

        def step(c, u):
            c = 0.5 * c + u
            return c, c

        last, every = jax.lax.scan(step, first, h.swapaxes(0, 1))
        if state is not None and not self.is_initializing():
            state.value = last
        if train:
            self.sow("penalties", "twice", jnp.float32(2.0))
            self.sow("penalties", "once", jnp.float32(1.0))
        return nn.Dense(self.outputs, name="head")(every.swapaxes(0, 1))

    def is_mutable(self):
        return self.is_mutable_collection("carry") or self.has_variable("carry", "state")


WINDOWS = 20  # that a seed trains on


def stream(windows=25, length=4):
    tokens = np.random.default_rng(0).integers(0, 6, windows * length + 1).astype(np.int32)
    x, y = tokens[:-1].reshape(windows, length), tokens[1:].reshape(windows, length)
    return jt.Dataset("letters", x, y, tuple("abcdef"), vocabulary=LETTERS, stream=True)


def texts(n=60, length=8):
    random = np.random.default_rng(1)
    lengths = random.integers(1, length + 1, n).astype(np.int32)
    x = np.where(np.arange(length) < lengths[:, None], random.integers(0, 6, (n, length)), 0).astype(np.int32)
    return jt.Dataset("texts", x, x, tuple("abcdef"), vocabulary=LETTERS, lengths=lengths)


BASE = jt.Experiment(model=Memory(), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=0.1)), batch_size=4, epochs=2)


def member_of(data, seed=0):
    split = data.split(seed)
    places = (part.astype(np.int32) for part in split)
    return Member(jnp.int32(seed), *map(jnp.asarray, places), jnp.zeros(()), jnp.ones(()))


def test_penalties_that_a_model_sows_are_added_to_the_loss():
    data = stream()
    member, pool = member_of(data), Pool.of(data)
    state = epochs.start(BASE, member, pool, {})
    batch = one.taken(pool, member.train[:4])
    _, info = one.update(BASE, member, state, batch)
    scores = BASE.model.apply({"params": state.params}, batch.x, train=False)
    assert float(info.loss) == pytest.approx(float(jt.losses.CrossEntropy().of_labels(scores, batch.y).mean()) + 3, rel=1e-6)


def test_a_carried_state_goes_on_from_batch_to_batch_and_starts_anew_each_epoch():
    """With a rate of 0 the last state of an epoch is that of each track read in one piece."""
    still = BASE.replace({"model": Memory(carry=True), "order": "contiguous", "optimizer.rule.learning_rate": 1e-30})
    data = stream()
    member, pool = member_of(data), Pool.of(data)
    state = epochs.start(still, member, pool, {})
    run = jax.jit(
        lambda state, number: epochs.epoch(still, member, pool, state, epochs.positions(still, member, pool, number))[0]
    )
    after = run(run(state, jnp.int32(0)), jnp.int32(1))
    train = np.asarray(member.train)
    tracks = train[: len(train) // 4 * 4].reshape(4, -1)
    whole = data.x[tracks].reshape(4, -1)
    _, seen = Memory(carry=True).apply({"params": state.params}, whole, train=False, mutable=["carry"])
    np.testing.assert_allclose(after.collections["carry"]["state"], seen["carry"]["state"], rtol=1e-5)


def test_validation_carries_the_state_through_every_window():
    carrying = BASE.replace({"model": Memory(carry=True), "order": "contiguous"})
    data = stream(windows=325)
    member, pool = member_of(data), Pool.of(data)
    state = epochs.start(carrying, member, pool, {})
    metrics = evaluation.evaluate(carrying, state, member, pool)
    validation = np.asarray(member.validation)
    assert len(validation) == 65  # 33 windows in the first of two tracks, whatever a batch has, and 32 in the second
    losses = []
    for track in np.split(validation, [33]):
        scores = Memory().apply({"params": state.params}, data.x[track].reshape(1, -1), train=False)
        losses.append(jt.losses.CrossEntropy().of_labels(scores, jnp.asarray(data.y[track].reshape(1, -1))).ravel())
    nll = float(np.mean(np.concatenate(losses)))
    assert float(metrics["nll"]) == pytest.approx(nll, rel=1e-5)
    assert float(metrics["perplexity"]) == pytest.approx(np.exp(nll), rel=1e-5)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_measured_of_one_model_does_not_depend_on_the_batch_of_training(streamed):
    model, data = jt.RNN(embedding=3, widths=(3,), carry_state=True), stream(windows=325)
    still = BASE.replace({"model": model, "order": "contiguous", "optimizer.rule.learning_rate": 1e-300, "epochs": 1})
    layout = jt.Layout(runs=1, stream=streamed)
    few, many = (jt.fit(still.replace({"batch_size": n}), data, seeds=2, layout=layout, progress=False) for n in (4, 130))
    jax.tree.map(np.testing.assert_array_equal, few.variables["params"], many.variables["params"])
    for split in ("validation", "train"):
        a, b = few.evaluate(split), many.evaluate(split)
        assert all(np.array_equal(a[name], b[name]) for name in a)
    for name, values in few.metrics.items():
        np.testing.assert_array_equal(values, many.metrics[name])


def test_padding_changes_nothing_that_training_gives():
    data = texts()
    wider = jt.Dataset(
        "texts",
        np.pad(data.x, ((0, 0), (0, 3)), constant_values=5),
        np.pad(data.y, ((0, 0), (0, 3)), constant_values=2),
        data.classes,
        vocabulary=LETTERS,
        lengths=data.lengths,
    )
    a, b = (fit(BASE, each, seeds=2) for each in (data, wider))
    for name in a.curves:
        np.testing.assert_allclose(a.curves[name], b.curves[name], rtol=1e-5, atol=1e-6)
    for name, values in a.evaluate("validation").items():
        np.testing.assert_allclose(values, a.metrics[name], rtol=1e-5)


def test_buckets_train_on_every_example_but_the_rest_and_validate_alike():
    """At a rate of 0 an epoch's mean of sums over sequences is that of all examples, cut or not."""
    data = texts()
    still = BASE.replace({"optimizer.rule.learning_rate": 1e-30, "epochs": 1, "batch_size": 6, "objective.reduction": "sum"})
    plain, cut = fit([still, still.replace({"order": jt.experiment.ByLength(buckets=2)})], data, seeds=3)
    lengths = data.lengths[cut.members.train]
    assert cut.experiment.order.cuts[0] < data.shape[0] and cut.experiment.order.cuts[1] == lengths.max()
    np.testing.assert_allclose(plain.metrics["nll"], cut.metrics["nll"], rtol=1e-6)
    np.testing.assert_allclose(plain.curves["train_loss"], cut.curves["train_loss"], rtol=1e-5)


@pytest.mark.parametrize("inputs", ["standardize", "unit"])
def test_buckets_of_features_are_scaled_step_by_step(inputs):
    random, lengths = np.random.default_rng(0), texts().lengths
    x = np.where(np.arange(8)[:, None] < lengths[:, None, None], random.normal(3, 2, (60, 8, 2)), 0)
    data = jt.Dataset.from_arrays(x, np.arange(60) % 2, lengths=lengths, scale=5.0)
    still = BASE.replace({"model": jt.RNN(widths=(3,)), "inputs": inputs, "optimizer.rule.learning_rate": 1e-30, "batch_size": 6})
    plain, cut = fit([still, still.replace({"order": jt.experiment.ByLength(buckets=2)})], data, seeds=1)
    np.testing.assert_allclose(plain.curves["train_loss"], cut.curves["train_loss"], rtol=1e-5)


def test_standardization_counts_true_steps_alone():
    lengths = np.array([3, 1, 2, 3])
    x = np.where(np.arange(4)[:, None] < lengths[:, None, None], np.random.default_rng(0).normal(3, 2, (4, 4, 2)), 0)
    data = jt.Dataset.from_arrays(x, [0, 1, 0, 1], lengths=lengths)
    mean, std = data.standardization(np.arange(4))
    np.testing.assert_allclose(mean[2], x[[0, 3], 2].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(std[2], x[[0, 3], 2].std(axis=0), rtol=1e-5)
    np.testing.assert_array_equal((mean[3], std[3]), ([0, 0], [1, 1]))


def test_values_are_regressed_on_and_a_run_that_predicts_the_mean_has_collapsed():
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    data = jt.Dataset.from_arrays(x, x @ [[1.0], [2.0], [-1.0]])
    base = jt.Experiment(
        model=jt.MLP(widths=(8,)),
        optimizer=jt.Optimizer(rule=jt.Adam(learning_rate=0.03)),
        metrics=("mse",),
    ).replace({"batch_size": 16, "epochs": 12})
    learnt, still = fit([base, base.replace({"optimizer.rule.learning_rate": 1e-9})], data, seeds=2)
    assert (learnt.metrics["mse"] < 0.5).all() and not learnt.summary().collapsed
    assert len(still.summary().collapsed) == 2 and "mean value" in still.summary().collapsed[0]
    np.testing.assert_allclose(learnt.evaluate("validation")["mse"], learnt.metrics["mse"], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": jt.MLP()}, "MLP takes numbers, not tokens; 'rnn', 'tcn' and 'transformer' take them."),
        ({"order": "by_length"}, "Experiment.order = 'by_length' sorts by length, and the examples of letters are all whole."),
        ({"augmentation.noise": 0.1}, "Augmentation.noise = 0.1 is for numbers, and letters holds tokens; None is allowed."),
        (
            {"model": Memory(outputs=5)},
            "Experiment.model = Memory gives logits of shape (4, 4, 5), and the data's 6 classes a step ask for (4, 4, 6).",
        ),
    ],
)
def test_what_does_not_fit_sequences_is_refused_in_one_sentence(changes, message):
    with pytest.raises(ConfigError) as caught:
        prepare(BASE.replace(changes), stream(), WINDOWS)
    assert str(caught.value) == message


def test_a_frozen_layer_carries_its_state_on():
    model = jt.RNN(embedding=3, widths=(3, 3), carry_state=True)
    experiment = prepare(
        BASE.replace({"model": model, "order": "contiguous", "optimizer.frozen": ("layer_0",)}),
        stream(),
        WINDOWS,
    )
    member, pool = member_of(stream()), Pool.of(stream())
    state = epochs.start(experiment, member, pool, {})
    after, _ = one.update(experiment, member, state, one.taken(pool, member.train[:4]))
    assert [int(after.collections["carry"][layer]["begun"]) for layer in ("layer_0", "layer_1")] == [1, 1]
    assert float(jnp.abs(after.collections["carry"]["layer_0"]["h"]).max()) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": jt.RNN(vocabulary=5)}, "RNN.vocabulary = 5 is less than the 6 tokens of letters."),
        (
            {"model": jt.RNN(read="last")},
            "RNN.read = 'last' does not fit letters, which has a label for each step; 'every' is allowed.",
        ),
        (
            {"model": jt.RNN(bidirectional=True)},
            "RNN.bidirectional = True sees the next tokens, which letters asks to predict; False is",
        ),
        (
            {"model": jt.Transformer(causal=False)},
            "Transformer.causal = False sees the next tokens, which letters asks to predict;",
        ),
        ({"model": jt.RNN(widths=())}, "RNN.widths = () has no layer; one at least is needed."),
        (
            {"model": jt.RNN(carry_state=True)},
            "RNN.carry_state = True asks for windows of one text and Experiment.order = 'contiguous'",
        ),
        ({"model": jt.RNN(softmax="sampled")}, "SampledSoftmax.samples = 500 is not an integer up to the 6 classes."),
        (
            {"model": jt.RNN(softmax=jt.nn.HierarchicalSoftmax(levels=9))},
            "HierarchicalSoftmax.levels = 9 is not an integer up to 3",
        ),
        (
            {"model": jt.RNN(), "optimizer.rule": "gauss_newton"},
            "'gauss_newton' differentiates models forwards, which RNN does not",
        ),
        (
            {"model": jt.RNN(initial_state="learned", recurrent_normalization="layer")},
            "RNN.initial_state = 'learned' starts at zero",
        ),
        ({"model": jt.RNN(softmax=jt.nn.NCE(samples=3)), "objective.loss": "hinge"}, "Hinge needs the scores of all classes"),
    ],
)
def test_what_sequence_models_cannot_have_is_refused_in_one_sentence(changes, message):
    with pytest.raises(ConfigError) as caught:
        prepare(BASE.replace(changes), stream(), WINDOWS)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_scores_are_given_only_for_tokens_and_lengths_that_there_are():
    data = texts()
    runs = fit(BASE.replace({"epochs": 1}), data, seeds=1)
    with pytest.raises(jt.DataError, match="example 0 has 9 steps; 1 to 8, the padded length, are allowed"):
        runs.log_probs(data.x[:2], np.array([9, 1]))
    with pytest.raises(jt.DataError, match=r"x: [678] is no token of the vocabulary; integers from 0 to 5 are allowed"):
        runs.log_probs(data.x[:2] + 6, np.array([8, 1]))


def test_a_round_of_buckets_must_fit_the_training_split():
    with pytest.raises(ConfigError, match=r"Experiment\.order needs 9 batches of 8 for a round, and the training split has 48"):
        prepare(rebuild(BASE, order=jt.experiment.ByLength(buckets=9), batch_size=8), texts(), len(texts().split(0).train))


def test_streams_validate_on_one_contiguous_part_at_a_place_of_the_seed_s_own():
    data = stream()
    parts = [data.split(seed).validation for seed in range(6)]
    assert all(np.array_equal(part, np.arange(part[0], part[0] + 5)) for part in parts)
    assert len({int(part[0]) for part in parts}) > 2
    np.testing.assert_array_equal(data.subset(12, seed=3).x, data.x[:12])
