import sys
from types import SimpleNamespace

import flax.linen as nn
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.config import ConfigError, config, items
from jaxtricks.evaluate.ablate import add_one, added, leave_one_out, left_out
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import judge_family
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report.ablation import ablation_table

PLAIN = jt.Experiment()
TRICKS = [entry for entry in jt.extend.catalogue() if entry.path in {path for path, _, _ in items(PLAIN)}]
BEST = jt.Experiment(
    model=jt.MLP(widths=(8,), activation="gelu", kernel_init="he_normal", normalization="layer", dropout=0.3),
    optimizer=jt.Optimizer(
        rule=jt.optim.Nesterov(learning_rate=3e-3, weight_decay=0.01), schedule="warmup_cosine", clip_norm=1.0
    ),
    objective=jt.Objective(loss=jt.losses.CrossEntropy(label_smoothing=0.1), l2=1e-4),
    inputs="unit",
    batch_size=32,
)
LEFT_OUT = {
    "without model.activation=gelu": ("model.activation", jt.nn.ReLU()),
    "without model.kernel_init=he_normal": ("model.kernel_init", jt.nn.LecunNormal()),
    "without model.normalization=layer(epsilon=1e-06)": ("model.normalization", None),
    "without model.dropout=inverted(rate=0.3)": ("model.dropout", None),
    "without optimizer.rule=nesterov(learning_rate=0.003, weight_decay=decoupled)": ("optimizer.rule", jt.Adam()),
    "without optimizer.rule.weight_decay=decoupled": ("optimizer.rule.weight_decay", None),
    "without optimizer.schedule=warmup_cosine": ("optimizer.schedule", jt.schedules.Constant()),
    "without optimizer.clip_norm=1": ("optimizer.clip_norm", None),
    "without objective.loss.label_smoothing=0.1": ("objective.loss.label_smoothing", None),
    "without objective.l2=0.0001": ("objective.l2", None),
    "without inputs=unit": ("inputs", jt.experiment.Standardize()),
}


def test_each_trick_is_set_back_to_its_declared_default():
    changes = leave_one_out(BEST)
    assert changes.keys() == LEFT_OUT.keys()
    for label, (path, default) in LEFT_OUT.items():
        assert changes[label] == BEST.replace({path: default})
        assert changes[label].diff(BEST).keys() == BEST.replace({path: default}).diff(BEST).keys() != set()


def test_numbers_and_sizes_are_no_tricks():
    plain = PLAIN.replace({"model.widths": (8,), "batch_size": 8, "epochs": 3, "optimizer.rule.learning_rate": 1.0})
    assert leave_one_out(plain) == leave_one_out(PLAIN) == {}


def test_each_trick_that_is_off_is_turned_on_at_the_value_of_a_first_try():
    on = {entry.path: entry.trick.tried for entry in TRICKS if entry.trick.assumes is None}
    changes = add_one(PLAIN)
    assert len(changes) == len(on)
    for label, changed in changes.items():
        path = label.removeprefix("with ").split("=")[0]
        assert changed == PLAIN.replace({path: on[path]})
    assert "with model.dropout=0.5" in changes and "with model.normalization=batch" in changes
    assert "with optimizer.clip_norm=1" in changes and "with optimizer.clip_value=0.5" in changes


def test_what_is_on_is_not_added_again():
    on = {"model.normalization", "model.dropout", "optimizer.rule.weight_decay", "optimizer.clip_norm", "objective.l2"}
    off = {label.removeprefix("with ").split("=")[0] for label in add_one(BEST)}
    assert off == {entry.path for entry in TRICKS if entry.trick.assumes is None} - on - {"objective.loss.label_smoothing"}


def test_ablate_judges_all_of_them_against_the_best(monkeypatch):
    seen = {}

    def study(baseline, changes, data, **options):
        seen.update(baseline=baseline, changes=changes, data=data, options=options)
        return SimpleNamespace(baseline="restarts", changes=changes, verdicts=(), tuned={})

    monkeypatch.setattr(sys.modules["jaxtricks.evaluate.ablate"], "study", study)
    digits = jt.load("digits")
    options = {"seeds": 3, "metric": "nll", "margin": 0.1, "layout": jt.Layout(runs=1), "progress": False}
    found = jt.ablate(BEST, digits, **options)
    assert isinstance(found, jt.evaluate.Ablation) and found.baseline == "restarts"
    assert seen["baseline"] is BEST and seen["data"] is digits and seen["options"] == options
    weighed = "with objective.weight_power=0"  # for data that have weights
    assert list(seen["changes"]) == [*leave_one_out(BEST), *(label for label in add_one(BEST) if label != weighed)]

    clouds = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(60, 5)), np.arange(60) % 3)
    jt.ablate(BEST, clouds, **options)
    images_only = {label for label in add_one(BEST) if label.startswith("with augmentation.")}
    too_long = "with optimizer.clip_learnt=quantile"  # which looks at more steps than there are
    missing = set(add_one(BEST)) - set(seen["changes"]) - {too_long, weighed}
    assert missing == images_only - {"with augmentation.noise=0.1", "with augmentation.mixup=1"} != set()


@config()
class Needy(nn.Module):
    """A model whose fields have no defaults to go back to."""

    activation: jt.nn.Activation
    gain: float

    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(10)(self.activation(self.gain * x))


def test_a_model_of_ones_own_without_defaults():
    own = BEST.replace({"model": Needy(activation=jt.nn.Tanh(), gain=2.0)})
    assert set(leave_one_out(own)) == {label for label in LEFT_OUT if "model." not in label}


def test_a_user_says_which_tricks_and_values_are_tried(monkeypatch):
    seen = {}

    def study(best, changes, data, **_):
        seen.update(changes)
        return SimpleNamespace(baseline=None, changes=changes, verdicts=(), tuned={})

    monkeypatch.setattr(sys.modules["jaxtricks.evaluate.ablate"], "study", study)
    tried = {"optimizer.clip_norm": [1.0, 5.0], "model.activation": "tanh"}
    jt.ablate(BEST, jt.load("digits"), tricks=tried, tune=None)
    assert list(seen) == [
        "without model.activation=gelu",
        "without optimizer.clip_norm=1",
        "with optimizer.clip_norm=5",
    ]
    seen.clear()
    jt.ablate(PLAIN, jt.load("digits"), tricks=["augmentation", "model.dropout"], tune=None)
    assert "with augmentation.flip=0.5" in seen and "with model.dropout=0.5" in seen
    assert all(label.startswith(("with augmentation.", "with model.dropout=")) for label in seen)
    with pytest.raises(ConfigError, match=r"tricks = 'model.dropuot' is no trick of this experiment"):
        jt.ablate(PLAIN, jt.load("digits"), tricks=["model.dropuot"], tune=None)
    with pytest.raises(ConfigError, match="label_smoothing"):
        jt.ablate(PLAIN, jt.load("digits"), tricks={"objective.loss.label_smoothing": 7.0}, tune=None)


def test_one_trick_needs_no_list():
    assert list(add_one(jt.Experiment(), "model.dropout")) == ["with model.dropout=0.5"]


def test_verdicts_of_an_ablation_stand_in_order_of_effect():
    worth = {"without a": 0.1, "with b": -0.1, "without c": -0.2, "with d": 0.3, "without e": 0.0}
    places = tuple(map(str, range(8)))
    comparisons = [Comparison(name, np.zeros(8), np.full(8, d), places) for name, d in worth.items()]
    for metric, order in (("accuracy", "ceadb"), ("nll", "aecbd")):
        verdicts = judge_family(comparisons, Measure(METRICS[metric].declared))
        rows = [verdict.label for verdict in (*left_out(verdicts), *added(verdicts))]
        assert "".join(label[-1] for label in rows) == order
        lines = [line.split("  ")[0] for line in ablation_table(verdicts).splitlines()]
        assert [label for label in lines if label in worth] == rows
