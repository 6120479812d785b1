"""Spaces: points and quantiles, conditions, the experiment that they are checked against, JSON, proposals, and each refusal."""

import json

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import Range, hyperparameters
from jaxtricks.search import Choice, Condition, FloatRange, IntRange, Space, fitted, parse_condition, space_of, vectorized
from tests import strategies

BASE = jt.Experiment()
RATE = "optimizer.rule.learning_rate"
# Conditions two deep, given out of order: a rule, its momentum where it has one, the rate of a dropout that may be off.
RANGES = {
    "optimizer.rule.momentum": "1-log:0.5:0.99",
    "model.dropout.rate": "0:0.7",
    RATE: "log:1e-4:1e-1",
    "optimizer.rule": "sgd,momentum,adam",
    "model.dropout": "on,off",
    "batch_size": "int:log:8:64",
}
FLOATS = {"optimizer.rule.momentum", "model.dropout.rate", RATE}
SPACE = fitted(Space(RANGES), BASE)


def cube(rows):
    return st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).random((rows, len(RANGES))))


def test_what_others_depend_on_stands_before_them():
    places = {path: place for place, path in enumerate(SPACE.paths)}
    assert set(places) == set(RANGES)
    assert places["optimizer.rule"] < places["optimizer.rule.momentum"] and places["model.dropout"] < places["model.dropout.rate"]


@given(cube(8))
def test_points_fit_the_experiment_and_leave_out_what_has_no_meaning(u):
    for point in SPACE.points(u):
        assert BASE.replace(point).batch_size == point["batch_size"]
        assert ("optimizer.rule.momentum" in point) == (point["optimizer.rule"] == "momentum")
        assert ("model.dropout.rate" in point) == (point["model.dropout"] is not None)


@given(cube(8))
def test_points_come_back_from_their_quantiles(u):
    points = SPACE.points(u)
    units, active = SPACE.units(points)
    assert (units[~active] == 0.5).all()
    for point, again in zip(points, SPACE.points(units), strict=True):
        assert list(again) == list(point)
        for path in point:
            assert again[path] == (pytest.approx(point[path]) if path in FLOATS else point[path])
    columns = [path in FLOATS for path in SPACE.paths]
    assert units[:, columns][active[:, columns]] == pytest.approx(u[:, columns][active[:, columns]])


def test_no_points_have_quantiles_and_features_too():
    units, active = SPACE.units([])
    assert units.shape == active.shape == (0, 6) and SPACE.features(units)[0].shape == (0, 4 + 3 + 2)


def test_a_condition_of_ones_own_counts_beside_the_one_that_follows_from_the_experiment():
    ranges = {"optimizer.rule": "sgd,adam", "optimizer.clip_norm": "log:0.1:10", "epochs": "2,4"}
    space = fitted(Space(ranges, {"optimizer.clip_norm": "optimizer.rule=sgd", "optimizer.rule": "epochs=4"}), BASE)
    points = list(space.grid(2))
    assert {tuple(point) for point in points} == {
        ("epochs",),
        ("epochs", "optimizer.rule"),
        ("epochs", "optimizer.rule", "optimizer.clip_norm"),
    }
    assert len(points) == 1 + 1 + 2  # the grid of the range has its two ends


def test_grids_and_lists_hold_each_point_once():
    space = fitted(Space({"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "0.5,0.9", "epochs": "int:1:3"}), BASE)
    points = space.listed()
    assert len(points) == 3 * (1 + 2) == len({frozenset(point.items()) for point in points})
    assert list(space.grid(2)) == [point for point in points if point["epochs"] != 2]
    assert SPACE.listed() is None and Space({"epochs": IntRange(1, 5000)}).listed() is None


def test_words_become_what_a_command_line_makes_of_them():
    space = fitted(
        Space({"model.dropout": "off,0.5", "model.widths": "64 64,128", "epochs": "2,4", "model.remat": "true,false"}), BASE
    )
    assert {path: each.values for path, each in space.ranges.items()} == {
        "model.dropout": (None, 0.5),
        "model.widths": ((64, 64), (128,)),
        "epochs": (2, 4),
        "model.remat": (True, False),
    }


def test_what_is_allowed_is_what_the_field_says():
    assert SPACE.allowed["model.dropout.rate"] == Range(low=0, high=1, open_high=True) and SPACE.allowed["batch_size"].low == 1
    assert fitted(Space({"model.dropout": "0:0.7"}), BASE).allowed["model.dropout"].high == 1  # the number is that of its rate


def test_floats_stay_in_one_program_and_all_else_makes_groups():
    assert set(vectorized(SPACE, BASE)) == FLOATS
    space = fitted(Space({"model.dropout": "0.1,0.5", "optimizer.clip_norm": "off,1.0", "model.activation": "relu,tanh"}), BASE)
    assert vectorized(space, BASE) == ("model.dropout",)


@given(cube(16))
def test_points_that_differ_in_vectorized_settings_only_share_a_structure(u):
    kinds = {}
    for point in SPACE.points(u):
        other = frozenset((path, value) for path, value in point.items() if path not in FLOATS)
        kinds.setdefault(other, set()).add(jax.tree.structure(BASE.replace(point)))
    assert all(len(structures) == 1 for structures in kinds.values())


def test_edges_are_those_beyond_which_the_field_takes_more():
    space = fitted(Space({RATE: "log:1e-4:1e-1", "model.dropout": "0:0.7", "batch_size": "int:1:8"}), BASE)
    assert space.edges({RATE: 0.09, "model.dropout": 0.01, "batch_size": 1}) == {RATE: "high"}
    assert space.edges({RATE: 0.01, "model.dropout": 0.69, "batch_size": 8}) == {"model.dropout": "high", "batch_size": "high"}


def test_parts_and_growth_keep_conditions():
    point = {"optimizer.rule": "sgd", RATE: 1e-4, "model.dropout": None, "batch_size": 64}
    part, wider = SPACE.around(point, 0.5), SPACE.widened(point)
    assert part.when == wider.when == SPACE.when and part.paths == SPACE.paths
    assert part.ranges["optimizer.rule.momentum"] == SPACE.ranges["optimizer.rule.momentum"]
    assert (
        part.ranges[RATE].high < SPACE.ranges[RATE].high
        and wider.ranges[RATE].low < 1e-4
        and wider.ranges["batch_size"].high > 64
    )


def test_json_and_texts_come_back():
    again = Space.from_json(json.loads(json.dumps(SPACE.to_json())))
    assert (again.ranges, again.when) == (SPACE.ranges, SPACE.when) and fitted(again, BASE) == SPACE
    assert Space.from_json(RANGES) == Space(RANGES)
    assert all(str(parse_condition(str(condition))) == str(condition) for condition in SPACE.when.values())


@settings(max_examples=25, deadline=None)
@given(strategies.experiments())
def test_a_proposal_holds_all_that_is_on_and_its_present_values(experiment):
    space = space_of(experiment)
    for path, value in hyperparameters(experiment).items():
        if path in space.ranges:
            assert -1e-6 <= space.ranges[path].unit(value) <= 1 + 1e-6, path
        else:
            assert path.endswith(("epsilon", "min_change")) or value == 0, path
    assert set(space.paths) <= {*hyperparameters(experiment), "batch_size"}
    assert set(vectorized(space, experiment)) == set(space.paths) - {"batch_size"}


def test_proposals_are_those_of_the_table():
    experiment = jt.Experiment(
        model=jt.MLP(dropout=0.5),
        optimizer=jt.Optimizer(rule=jt.Momentum(learning_rate=0.1, weight_decay=1e-3), clip_norm=1.0),
        objective=jt.Objective(loss=jt.losses.CrossEntropy(label_smoothing=0.1)),
    )
    assert {path: str(each) for path, each in space_of(experiment).ranges.items()} == {
        "model.dropout.rate": "0:0.7",
        RATE: "log:0.00316:3.16",
        "optimizer.rule.weight_decay.rate": "log:0.0001:0.01",
        "optimizer.rule.momentum": "1-log:0:0.99",
        "optimizer.clip_norm": "log:0.1:10",
        "objective.loss.label_smoothing": "0:0.3",
        "batch_size": "16,32,64,128,256",
    }


@pytest.mark.parametrize(
    ("ranges", "when", "sentence"),
    [
        ({}, {}, "a space without a setting is one point; at least one range is allowed."),
        ({"epochs": 5}, {}, "epochs: 5 is no SearchRange, nor the text of one."),
        ({"epochs": "4:2"}, {}, "epochs: '4:2': FloatRange.low = 4 is not below FloatRange.high = 2."),
        ({"optimizer.rule.lr": "0:1"}, {}, f"there is no setting 'optimizer.rule.lr'; did you mean '{RATE}'?"),
        ({"model.dropout.rate": "0:0.5"}, {}, "model.dropout.rate has no meaning while model.dropout is off; set model.dropout"),
        ({"model.dropout": "0:1"}, {}, "the range 0:1: model.dropout: Inverted.rate = 1.0 is not a number in [0, 1)."),
        ({"batch_size": "16:64"}, {}, "the range 16:64: batch_size: Experiment.batch_size = 16.0 is not an integer >= 1."),
        ({"model.activation": "relu,tanhh"}, {}, "the range relu,tanhh: model.activation: MLP.activation = 'tanhh' names no act"),
        (
            {"optimizer.rule": "sgd,adam", "optimizer.rule.momentum": "0:0.9"},
            {},
            "where optimizer.rule = sgd: there is no setting 'optimizer.rule.momentum'",
        ),
        (
            {"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "0:1"},
            {},
            "the range 0:1 where optimizer.rule = momentum: optimizer.rule.momentum: Momentum.momentum = 1.0 is not a number",
        ),
        (
            {"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "0:0.9"},
            {"optimizer.rule.momentum": "optimizer.rule=sgd"},
            "where optimizer.rule = sgd: there is no setting 'optimizer.rule.momentum'",
        ),
        (
            {"optimizer.rule": "sgd,adam", "epochs": "2,4"},
            {"epochs": "optimizer.rule=adm"},
            "the condition optimizer.rule=adm of epochs is never met: optimizer.rule: Optimizer.rule = 'adm' names no rule; did",
        ),
        (
            {"optimizer.rule": "sgd,adam", "epochs": "2,4"},
            {"epochs": "optimizer.rule=lion"},
            "the condition optimizer.rule=lion of epochs is never met: 'lion' is none of the values; there are: sgd, adam.",
        ),
        (
            {"batch_size": "int:8:16", "epochs": "2,4"},
            {"epochs": "batch_size=32"},
            "the condition batch_size=32 of epochs is never met: batch_size is searched in int:8:16.",
        ),
        ({"epochs": "2,4"}, {"epochs": "epoch=2"}, "the condition of epochs names 'epoch', which is not searched; did you mean"),
        ({"epochs": "2,4"}, {"epochs": "2"}, "epochs: '2' is no condition; path=values is allowed, such as optimizer.rule="),
        (
            {"epochs": "2,4", "batch_size": "2,4"},
            {"epochs": "batch_size=2", "batch_size": "epochs=2"},
            "the conditions of epochs and",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(ranges, when, sentence):
    with pytest.raises(jt.ConfigError) as error:
        fitted(Space(ranges, when), BASE)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("data", [[], {"ranges": {}, "wen": {}}, {"epochs": {"kind": "flot", "low": 0}}, {"epochs": None}])
def test_json_of_another_form_is_refused(data):
    with pytest.raises(jt.ConfigError):
        Space.from_json(data)


def test_values_that_are_no_words_are_themselves():
    space = Space({"model.activation": Choice((jt.nn.ReLU(), jt.nn.ELU(alpha=2.0))), "model.dropout": FloatRange(0, 0.5)})
    settled = fitted(Space(space.ranges, {"model.dropout": Condition("model.activation", (jt.nn.ReLU(),))}), BASE)
    assert [BASE.replace(point).model.activation for point in settled.grid(1)] == [jt.nn.ReLU(), jt.nn.ELU(alpha=2.0)]
