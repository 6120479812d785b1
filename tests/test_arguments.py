"""Arguments of another kind, as newcomers give them: they work, or one sentence says what to write."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

import jaxtricks as jt

BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=1)


class Pair(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(2)(x), x


X, Y = np.zeros((20, 3)), np.arange(20) % 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda data: jt.fit("digits"), r"^fit: missing a required argument: 'data'; write fit\(experiments, data\)\.$"),
        (lambda data: jt.fit((X, Y)), r"^fit: missing a required argument: 'data'; write fit\(experiments, data\)\.$"),
        (
            lambda data: jt.fit(BASE, (X, Y)),
            r"^fit: data = .* is a pair; jaxtricks\.Dataset\.from_arrays\(x, y\) makes a",
        ),
        (
            lambda data: jt.fit(BASE, X),
            r"^fit: data = .* is no data set, nor the name of one, and fit\(",
        ),
        (lambda data: jt.fit(data, BASE), r"^fit: experiments = .* is a data set, and fit\(experiments, data\) is allowed\.$"),
        (lambda data: jt.fit(jt.MLP(), data), r"^fit: experiments = .* is a model; jaxtricks\.Experiment\(model=…\) makes an"),
        (
            lambda data: jt.compare(BASE, data, BASE, tune=None),
            r"^compare: change = .* is a data set, and compare\(baseline, change, data\)",
        ),
        (lambda data: jt.study(BASE, BASE, data, tune=None), r"^study: changes = .* is no dict of experiments by their labels"),
        (
            lambda data: jt.ablate(data, BASE, tune=None),
            r"^ablate: best = .* is a data set, and ablate\(best, data\) is allowed\.$",
        ),
        (lambda data: jt.fit(BASE, "digitz"), "did you mean 'digits'|there are|is no name"),
        (
            lambda data: jt.compare(BASE, BASE, data, metric=np.mean, tune=None),
            r"^metric = mean is a function, which does not say whether higher is better; write jaxtricks\.Metric\('mean', ",
        ),
        (
            lambda data: jt.fit(BASE, data, checkpoints="kept"),
            r"^fit: checkpoints = 'kept' is a folder; jaxtricks\.Checkpoints\('kept'\) keeps checkpoints there, and fit\(",
        ),
        (lambda data: jt.ensemble(data), r"^runs: Dataset.* is none of the Runs that jaxtricks\.fit gives\.$"),
        (lambda data: jt.fit(BASE.replace({"model": Pair()}), data), r"^Experiment\.model = Pair gives a tuple, and the data's"),
    ],
)
def test_another_kind_of_argument_is_one_sentence(call, says, blobs):
    with pytest.raises((jt.ConfigError, jt.DataError), match=says):
        call(blobs)


def test_data_may_be_named(monkeypatch, blobs):
    monkeypatch.setattr("jaxtricks.experiment.arguments.load", {"blobs": blobs}.__getitem__)
    assert len(jt.fit(BASE, "blobs", seeds=2, progress=False)) == 2


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (lambda: jt.MLP(widths=[4]), lambda: BASE.model),
        (lambda: jt.MLP(activation="LeakyReLU"), lambda: jt.MLP(activation="leaky_relu")),
        (lambda: jt.Optimizer("adam"), lambda: jt.Optimizer(rule=jt.Adam())),
        (lambda: jt.Optimizer(jt.SGD()), lambda: jt.Optimizer(rule=jt.SGD())),
        (lambda: jt.Experiment(optimizer="sgd"), lambda: jt.Experiment(optimizer=jt.Optimizer(rule=jt.SGD()))),
        (lambda: jt.Experiment(objective="hinge"), lambda: jt.Experiment(objective=jt.Objective(loss="hinge"))),
    ],
)
def test_short_forms_give_what_they_stand_for(given, meant):
    assert given() == meant()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: jt.Optimizer(learning_rate=0.1),
            r"^Optimizer .*'learning_rate', but its rule has one: Optimizer\(rule=Adam",
        ),
        (
            lambda: jt.Experiment(dropout=0.5),
            r"^Experiment .*'dropout', but its model has one: Experiment\(model=MLP\(dropout=",
        ),
        (lambda: jt.Experiment(lr=0.1), r"^Experiment has no field 'lr'; did you mean 'optimizer\.rule\.learning_rate'\?$"),
        (lambda: jt.Adam(lr=0.1), r"^Adam has no field 'lr'; did you mean 'learning_rate'\?$"),
        (lambda: jt.Adam(0.1), r"^Adam takes its fields by name, such as Adam\(learning_rate=0\.1\)\.$"),
        (lambda: jt.MLP(activation=jt.nn.ReLU), r"^MLP\.activation = .* is a class; write ReLU\(\)\.$"),
        (lambda: jt.Optimizer(optax.adam), r"^Optax\.chain = adam builds a chain, with arguments \(.*\); write adam\(…\)\.$"),
    ],
)
def test_what_a_class_does_not_take_is_answered_with_the_line_to_write(call, says):
    with pytest.raises(jt.ConfigError, match=says):
        call()


def test_chains_schedules_initializers_and_losses_of_optax_and_jax_stand_where_a_setting_stands(blobs):
    experiment = jt.Experiment(
        model=jt.MLP(widths=(4,), kernel_init=jax.nn.initializers.lecun_normal()),
        optimizer=jt.Optimizer(optax.adam(1e-2), schedule=optax.cosine_decay_schedule(1.0, 10)),
        objective=optax.sigmoid_binary_cross_entropy,
        batch_size=16,
        epochs=2,
    )
    runs = jt.fit(experiment, blobs, seeds=2, progress=False)
    assert np.isfinite(runs.metrics["accuracy"]).all()


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (
            optax.cosine_decay_schedule(1e-3, 100),
            r"gives values from .* to 0\.001; a schedule is a factor of the rule's",
        ),
        (lambda step: "fast", "is no function of the step: "),
        (lambda a, b, c: 1.0, "is no function of the step: "),
    ],
)
def test_a_schedule_of_learning_rates_is_not_taken_for_one_of_factors(schedule, says, blobs):
    with pytest.raises(jt.ConfigError, match=says):
        jt.fit(BASE.replace({"optimizer.schedule": schedule}), blobs, seeds=2, progress=False)


def test_a_loss_of_each_output_is_the_mean_over_outputs():
    scores, targets = np.random.default_rng(0).normal(size=(2, 5, 3))
    loss = jt.losses.Loss(optax.l2_loss)(scores, targets)
    assert np.allclose(loss, ((scores - targets) ** 2 / 2).mean(axis=-1))
