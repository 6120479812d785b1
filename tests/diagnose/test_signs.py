"""Signs of faults: nothing in a healthy experiment, and each planted fault by the sign that is made for it."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from jaxtricks.data.vocabulary import Tokenizer, Vocabulary
from jaxtricks.diagnose import SIGNS, Case, Cause
from jaxtricks.diagnose.case import free

TRAINING = {
    "labels",
    "leaks",
    "future",
    "learnt by heart",
    "company",
    "course",
    "gap",
    "simple models",
}  # or more than the first steps
OPENING = sorted(set(SIGNS) - TRAINING)


@pytest.fixture(scope="module")
def digits():
    return jt.load("digits").subset(100, seed=0)


@pytest.fixture(scope="module")
def base():
    return jt.Experiment(model=jt.MLP(widths=(8,)), batch_size=16, epochs=2)


def found(name, experiment, data):
    return SIGNS[name](Case(experiment, data, jt.Seeds(2)))


def causes(symptoms):
    return {cause for symptom in symptoms for cause in symptom.causes}


class Ending(nn.Module):
    """A dense layer, and what comes after it."""

    end: str

    @nn.compact
    def __call__(self, x, train):
        x = x.reshape(len(x), -1)
        scores = nn.Dense(10)(x)
        if self.end == "softmax":
            return nn.softmax(scores)
        if self.end == "softmax over the batch":
            return nn.softmax(scores, axis=0)
        if self.end == "sigmoid":
            return nn.sigmoid(scores)
        if self.end == "constant":
            return jnp.zeros_like(scores) + self.param("constant", nn.initializers.ones, (1, 10))
        if self.end == "stop":
            return nn.Dense(10)(jax.lax.stop_gradient(scores))
        if self.end == "softmax inside":
            return nn.Dense(10)(nn.softmax(nn.Dense(4, name="inside")(x)))
        if self.end == "the same mask":
            return scores * (jax.random.bernoulli(jax.random.key(0), 0.5, scores.shape) if train else 0.5)
        if self.end == "stretched":
            return scores + jnp.ones(10)
        raise AssertionError(self.end)


def test_a_healthy_experiment_has_no_sign_of_a_fault(base, digits):
    case = Case(base, digits, jt.Seeds(2))
    assert {name: SIGNS[name](case) for name in OPENING} == {name: [] for name in OPENING}


@pytest.mark.parametrize(
    ("end", "name", "cause"),
    [
        ("softmax", "scores", Cause.OUTPUT),
        ("softmax over the batch", "scores", Cause.COMPANY),
        ("sigmoid", "scores", Cause.OUTPUT),
        ("constant", "scores", Cause.OUTPUT),
        ("stop", "reach", Cause.FROZEN),
        ("the same mask", "masks", Cause.MASKS),
        ("stretched", "shapes", Cause.SHAPES),
    ],
)
def test_a_fault_inside_of_a_model_is_seen(base, digits, end, name, cause):
    with jax.numpy_rank_promotion("allow"):
        symptoms = found(name, base.replace({"model": Ending(end)}), digits)
    assert cause in causes(symptoms)


def test_stretched_arrays_are_told_with_their_shapes_and_the_line(base, digits):
    with jax.numpy_rank_promotion("allow"):
        (symptom,) = found("shapes", base.replace({"model": Ending("stretched")}), digits)
    assert "(16, 10)" in symptom.text and "test_signs.py" in symptom.text and "scores + jnp.ones(10)" in symptom.text


def test_weights_that_no_gradient_reaches_are_named(base, digits):
    (symptom,) = found("reach", base.replace({"model": Ending("stop")}), digits)
    assert symptom.severity == "fault" and symptom.where == ("Dense_0/bias", "Dense_0/kernel")


def test_a_gradient_that_is_cut_where_inputs_go_through_is_no_dead_unit(base, digits):
    (cut,) = found("reach", base.replace({"model": Ending("stop")}), digits)
    (constant,) = (each for each in found("reach", base.replace({"model": Ending("constant")}), digits) if "reaches" in each.text)
    assert cut.causes[Cause.FROZEN] > constant.causes[Cause.FROZEN]


def test_frozen_layers_are_meant_to_stay(base, digits):
    assert found("reach", base.replace({"optimizer.frozen": ("hidden_0",)}), digits) == []


@pytest.mark.parametrize(
    ("changes", "name", "cause"),
    [
        ({"model.kernel_init": jt.nn.Normal(scale=30.0)}, "loss at the start", Cause.INIT),
        ({"model.activation": "sigmoid", "model.widths": (8,) * 12}, "layers", Cause.GRADIENTS),
        ({"optimizer.rule.learning_rate": 3.0}, "updates", Cause.RATE_HIGH),
        ({"optimizer.rule.learning_rate": 1e-9}, "updates", Cause.RATE_LOW),
        ({"optimizer.rule.learning_rate": 1e-12}, "reach", Cause.RATE_LOW),
        ({"optimizer": optax.chain(optax.scale_by_adam(), optax.scale(1e-3))}, "direction", Cause.SIGN),
    ],
)
def test_a_setting_that_is_wrong_is_seen(base, digits, changes, name, cause):
    assert cause in causes(found(name, base.replace(changes), digits))


@pytest.mark.parametrize("factor", [1e3, 1e-4])
def test_inputs_without_a_scale_are_seen(base, digits, factor):
    scaled = dataclasses.replace(digits, x=(digits.x * factor).astype(np.float32))
    (symptom,) = found("inputs", base.replace({"inputs": "raw"}), scaled)
    assert symptom.severity == "fault" and Cause.INPUTS in symptom.causes
    assert found("inputs", base, scaled) == []  # standardized


def test_columns_of_unlike_spread_are_seen(base):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 3)) * [1, 1, 1e5], rng.integers(2, size=80)
    rows = jt.Dataset.from_arrays(x.astype(np.float32), y)
    assert any("spread" in symptom.text for symptom in found("inputs", base.replace({"inputs": "raw"}), rows))


def test_one_class_only_is_seen(base, digits):
    x = digits.x[digits.y == 3]
    alone = jt.Dataset.from_arrays(np.concatenate([x] * 3), np.zeros(3 * len(x), int), classes=("three", "other"))
    (symptom, *_) = found("labels", base.replace({"batch_size": 4}), alone)
    assert symptom.severity == "fault" and "'three'" in symptom.text


def test_targets_outside_of_bounded_scores_are_seen(base):
    class Bounded(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.sigmoid(10 * nn.Dense(1)(x.reshape(len(x), -1)))

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).astype(np.float32)
    rows = jt.Dataset.from_arrays(x, 5 + x.sum(axis=1))
    symptoms = found("scores", base.replace({"model": Bounded(), "targets": "raw"}), rows)
    assert Cause.OUTPUT in causes(symptoms)


def test_targets_within_the_range_of_a_sigmoid_are_no_fault_however_little_its_scores_vary(base):
    class Narrow(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.sigmoid(nn.Dense(1)(nn.sigmoid(nn.Dense(3)(x.reshape(len(x), -1)))))  # at most some 0.3 to 0.7

    x = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    rows = jt.Dataset.from_arrays(x, (x.sum(axis=1) > 0).astype(float), task="values")
    assert not found("scores", base.replace({"model": Narrow(), "targets": "raw"}), rows)


def test_validation_inputs_that_were_prepared_otherwise_are_a_fault_and_drawn_splits_are_not(base):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 4)).astype(np.float32), np.arange(120) % 2
    given = base.replace({"batch_size": 8})
    for other in (255 * x[:40], x[:40] + 2, x[:40] / 4):
        (symptom,) = found("splits", given, jt.Dataset.from_arrays(x[40:], y[40:], validation=(other, y[:40])))
        assert symptom.severity == "fault" and Cause.INPUTS in symptom.causes
    assert not found("splits", given, jt.Dataset.from_arrays(x[40:], y[40:], validation=(x[:40], y[:40])))
    assert not found("splits", given, jt.Dataset.from_arrays(x, y))


def test_inputs_that_are_all_the_same_are_told_before_what_follows_from_them(base):
    same = jt.Dataset.from_arrays(np.ones((80, 4), np.float32), np.arange(80) % 2)
    (symptom,) = found("inputs", base.replace({"batch_size": 8}), same)
    assert "same inputs" in symptom.text and symptom.causes[Cause.INPUTS] == symptom.causes[Cause.DATA]


def test_a_penalty_that_drowns_the_loss_is_told_at_the_start(base, digits):
    drowned = base.replace({"objective.l2": 10.0})
    assert Cause.REGULARIZED in causes(found("loss at the start", drowned, digits))


def test_a_relu_at_the_output_is_a_fault_and_positive_scores_alone_are_not(base, digits):
    class Cut(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.relu(nn.Dense(10)(x.reshape(len(x), -1)))

    class Positive(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return 100 + nn.Dense(10)(x.reshape(len(x), -1))

    (symptom,) = found("scores", base.replace({"model": Cut()}), digits)
    assert symptom.severity == "fault" and "[0, inf]" in symptom.text
    assert not found("scores", base.replace({"model": Positive()}), digits)


def test_a_step_that_asks_the_host_is_a_hint_wherever_in_the_program_it_does(base, digits):
    class Chatty(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            scores = nn.Dense(10)(x.reshape(len(x), -1))
            jax.lax.fori_loop(0, 1, lambda _, y: jax.debug.callback(lambda _: None, y) or y, scores.sum())
            return scores

    (symptom,) = found("host", base.replace({"model": Chatty()}), digits)
    assert symptom.severity == "hint" and "debug_callback" in symptom.text
    assert not found("host", base, digits)


def test_a_batch_of_one_example_is_no_constant(base, digits):
    assert not found("scores", base.replace({"batch_size": 1}), digits)


def test_half_of_the_units_dead_is_a_hint_since_inputs_may_all_be_positive(base):
    x = np.random.default_rng(0).uniform(1, 2, size=(80, 1)).astype(np.float32)
    line = jt.Dataset.from_arrays(x, x[:, 0])
    given = base.replace({"model.widths": (64,), "inputs": "raw"})
    assert {each.severity for each in found("layers", given, line)} <= {"hint"}


def test_restarts_that_diverge_are_a_fault_of_the_rate_unless_they_do_without_steps(base, digits):
    wild = base.replace({"optimizer.rule": jt.SGD(learning_rate=1e6)})
    assert Cause.RATE_HIGH in causes(found("course", wild, digits))

    class Broken(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            scores = nn.Dense(10)(x.reshape(len(x), -1))
            return jnp.where(x.reshape(len(x), -1).max() > 1e9, scores, jnp.sqrt(scores - 1e3) + scores) if train else scores

    assert causes(found("course", base.replace({"model": Broken()}), digits)) == {Cause.ARITHMETIC}


def test_without_regularization_nothing_keeps_it_from_fitting(base):
    given = base.replace({"model.dropout": 0.5, "optimizer.rule.weight_decay": 0.1, "objective.l1": 0.1})
    assert free(given) == base


def test_a_name_stands_for_one_sign():
    with pytest.raises(jt.ConfigError, match=r"^sign: 'inputs' is there already; another name is allowed\.$"):
        jt.diagnose.sign("inputs")(lambda case: [])


def test_copies_in_both_splits_are_a_leak(base, digits):
    twice = jt.Dataset.from_arrays(np.concatenate([digits.x, digits.x]), np.concatenate([digits.y, digits.y]))
    (symptom, *_) = found("leaks", base, twice)
    assert symptom.severity == "fault" and Cause.DATA in symptom.causes


def test_a_validation_loss_that_rises_again_is_seen(base):
    rng = np.random.default_rng(0)
    noise = jt.Dataset.from_arrays(rng.normal(size=(60, 20)).astype(np.float32), rng.integers(2, size=60))
    greedy = base.replace({"model.widths": (64,), "optimizer.rule.learning_rate": 1e-2, "epochs": 40})
    assert Cause.OVERFITTED in causes(found("gap", greedy, noise))


@pytest.mark.parametrize(("both_ways", "severity"), [(True, ["fault"]), (False, [])])
def test_steps_that_see_the_next_one_are_a_fault_where_it_is_their_label(both_ways, severity):
    text = np.random.default_rng(0).integers(0, 5, size=(60, 9))
    vocabulary = Vocabulary(tuple("abcde"), Tokenizer("word", spaced=True))
    given = jt.Experiment(model=jt.RNN(widths=(4,), embedding=4, bidirectional=both_ways), batch_size=16, epochs=1)
    next_words = jt.Dataset.from_arrays(text[:, :-1], text[:, 1:], task="steps", vocabulary=vocabulary)
    symptoms = found("future", given, next_words)
    assert [each.severity for each in symptoms] == severity and causes(symptoms) <= {Cause.DATA}
    tagged = jt.Dataset.from_arrays(text[:, :-1], text[:, :-1] % 2, task="steps", vocabulary=vocabulary)
    assert not found("future", given, tagged)


def test_a_signal_that_fades_on_its_way_is_seen(base, digits):
    faint = base.replace({"model.widths": (8, 8, 8), "model.kernel_init": jt.nn.Normal(scale=1e-2)})
    assert any("fades" in each.text and Cause.INIT in each.causes for each in found("layers", faint, digits))
    assert not any("fades" in each.text for each in found("layers", base.replace({"model.widths": (8, 8, 8)}), digits))
