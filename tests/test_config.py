"""The one rule: every float is traced, None is off, everything else is static; paths, groups, JSON, command-line words."""

import dataclasses
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import (
    Count,
    Kind,
    Rate,
    choices,
    diff,
    fields,
    fingerprint,
    from_json,
    group,
    hyperparameters,
    items,
    locate,
    nearest,
    parse,
    replace,
    stack,
    to_json,
)
from tests import strategies, user_code
from tests.user_code import Plain, Scaled

float64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
experiments = strategies.experiments()
light = settings(max_examples=50, deadline=None)
BASE = jt.Experiment()
NAMES = ", ".join(sorted(choices(nn.Module)))
RULES = ", ".join(sorted(choices(jt.optim.Rule)))
MODELS = (
    f"{NAMES}, a Linen module, a class of NNX or Equinox modules, jaxtricks.models.NNX, Equinox, Haiku or Functional of your "
    "functions, or a model of your own"
)


@jt.extend.config()
class Every(nn.Module):
    """One field of every kind."""

    rate: Rate = 0.5
    gain: float | None = None
    rule: jt.optim.Rule = jt.SGD()
    schedule: jt.schedules.Schedule | None = None
    dropout: jt.Dropout | None = None
    optimizer: jt.Optimizer = jt.Optimizer()
    inner: nn.Module | None = None
    layers: int = 2
    outputs: Count | None = None
    flag: bool = True
    mode: Literal["fast", "slow"] = "fast"
    level: Literal[1, 2] = 1
    word: str = "a"
    widths: tuple[Count, ...] = (1, 2)
    pair: tuple[int, str] | None = None
    anything: Any = None
    function: Callable[[float], float] | None = None


def is_one_sentence(error):
    assert str(error) and "\n" not in str(error)


def structure(node):
    return jax.tree.structure(node)


# --- the pytree ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [1, 1.0, np.float32(1), np.float64(1), np.int64(1), Fraction(1)], ids=repr)
def test_a_number_is_a_float_leaf_however_it_is_written(one):
    rule = jt.SGD(learning_rate=one)
    assert structure(rule) == structure(jt.SGD(learning_rate=0.5))
    assert type(rule.learning_rate) is float and jax.tree.leaves(rule) == [1.0]


@pytest.mark.parametrize("wrong", [True, False, np.True_, "0.1", b"1", [0.1], (0.1,), {}, 1j, object(), jt.SGD])
def test_what_is_no_number_is_refused_for_a_float(wrong):
    with pytest.raises(jt.ConfigError, match=r"^SGD.learning_rate = .* is not a number > 0\.$"):
        jt.SGD(learning_rate=wrong)


@light
@given(experiments)
def test_leaves_are_the_hyperparameters_in_their_order(experiment):
    leaves = jax.tree_util.tree_leaves_with_path(experiment)
    assert {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves} == experiment.hyperparameters()
    assert [leaf for _, leaf in leaves] == list(experiment.hyperparameters().values())
    assert all(type(leaf) is float for _, leaf in leaves)
    assert jax.tree.map(lambda leaf: leaf, experiment) == experiment


@light
@given(experiments, st.sampled_from([object(), None, "axis", -1.0, jax.ShapeDtypeStruct((3,), np.float32), np.ones(2), [1, 2]]))
def test_any_placeholder_may_stand_where_a_number_stood(experiment, placeholder):
    filled = jax.tree.map(lambda _: placeholder, experiment)
    assert all(value is placeholder for value in hyperparameters(filled).values())
    again = jax.tree.unflatten(structure(experiment), range(structure(experiment).num_leaves))
    assert jax.tree.leaves(again) == list(range(structure(experiment).num_leaves))
    assert jax.tree.map(lambda old, new: old, experiment, again) == experiment


@light
@given(experiments, st.data())
def test_off_is_another_structure_and_another_number_is_not(experiment, data):
    floats = [(path, field) for path, field, value in items(experiment) if field.kind is Kind.TRACED and value is not None]
    path, field = data.draw(st.sampled_from(floats))
    assert structure(experiment.replace({path: data.draw(strategies.numbers(field))})) == structure(experiment)
    if field.optional:
        off = experiment.replace({path: None})
        assert structure(off) != structure(experiment)
        assert structure(off).num_leaves == structure(experiment).num_leaves - 1


def test_what_is_static_is_part_of_the_structure():
    for path, value in {"model.widths": (3,), "model.remat": True, "model.activation": "tanh", "epochs": 3}.items():
        assert structure(BASE.replace({path: value})) != structure(BASE)
    assert structure(BASE.replace({"model": Plain(gain=2.0)})) != structure(BASE.replace({"model": Plain(gain=1.0)}))


def test_a_plain_module_is_static_as_a_model_and_one_that_is_a_config_has_its_floats_traced():
    plain, traced = BASE.replace({"model": Plain(gain=2.0)}), BASE.replace({"model": Scaled(scale=2.0)})
    rest = {path: value for path, value in BASE.hyperparameters().items() if not path.startswith("model.")}
    assert plain.hyperparameters() == rest and jax.tree.leaves(plain) == list(rest.values())
    assert traced.hyperparameters() == {"model.scale": 2.0} | rest
    for experiment in (plain, traced):
        doubled = jax.tree.map(lambda leaf: 2 * leaf, experiment)
        assert list(doubled.hyperparameters().values()) == [2 * leaf for leaf in jax.tree.leaves(experiment)]
        assert structure(doubled) == structure(experiment)
        paths = [jax.tree_util.keystr(path).lstrip(".") for path, _ in jax.tree_util.tree_leaves_with_path(experiment)]
        assert paths == list(experiment.hyperparameters())
    assert jax.tree.map(lambda leaf: None, plain).model == Plain(gain=2.0)
    assert len(group([plain, plain.replace({"optimizer.rule.learning_rate": 0.5})])) == 1


def test_a_module_s_name_is_static_and_survives():
    module = Scaled(name="one")
    assert structure(module) != structure(Scaled(name="two"))
    assert jax.tree.map(lambda leaf: 2 * leaf, module).name == "one"
    assert replace(module, {"scale": 3.0}).name == "one"


def test_a_config_may_have_fields_that_linen_keeps_for_modules():
    @jt.extend.config()
    class Labelled:
        name: str = "a"
        parent: str = "b"
        size: float = 1.0

    labelled = Labelled(name="c", parent="d")
    assert jax.tree.map(lambda leaf: leaf, labelled) == labelled == replace(labelled, {"size": 1.0})
    assert structure(labelled) != structure(Labelled())
    assert from_json(Labelled, to_json(labelled)) == labelled


def test_a_class_s_own_post_init_runs_after_the_checks_and_once_for_a_subclass_too():
    seen = []

    @jt.extend.config()
    class Base:
        size: float = 1

        def __post_init__(self):
            seen.append(self.size)

    @jt.extend.config()
    class Derived(Base):
        other: float = 2

    @jt.extend.config()
    class Module(nn.Module):
        size: float = 1

        def __post_init__(self):
            seen.append(self.size)
            super().__post_init__()

    Base(size=3)
    Derived(size=4)
    assert seen == [3.0, 4.0] and all(type(size) is float for size in seen)
    assert Module(size=5).init(jax.random.key(0), method=lambda module: None) == {}
    assert seen[2] == 5.0


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASE.epochs = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        BASE.model.remat = True


# --- under JAX's transformations ----------------------------------------------------------------------------------------

NESTED = [Scaled(scale=s, shift=s + 1, inner=Scaled(scale=2 * s, inner=Scaled(scale=s / 3))) for s in (1.0, 2.0, 3.0)]
X = jnp.linspace(-1, 1, 8).reshape(4, 2)


def apply(module, params):
    return module.apply(params, X, train=True)


def test_traced_floats_inside_nested_modules_give_what_each_gives_alone():
    params = jax.jit(lambda: NESTED[0].init(jax.random.key(0), X, train=True))()
    alone = np.stack([apply(module, params) for module in NESTED])
    assert len(group(NESTED)) == 1
    stacked = stack(NESTED)
    traces = []

    @jax.jit
    def one(module, params):
        traces.append(module)
        return apply(module, params)

    np.testing.assert_allclose(np.stack([one(module, params) for module in NESTED]), alone, rtol=1e-5)
    assert len(traces) == 1  # other numbers compile nothing
    vmapped = jax.jit(jax.vmap(apply, in_axes=(0, None)))(stacked, params)
    np.testing.assert_allclose(vmapped, alone, rtol=1e-5)
    scanned = jax.jit(lambda stacked: jax.lax.scan(lambda _, module: (None, apply(module, params)), None, stacked)[1])(stacked)
    np.testing.assert_allclose(scanned, alone, rtol=1e-5)
    # And a gradient by the settings themselves.
    by_settings = jax.grad(lambda module: apply(module, params).sum())(NESTED[0])
    assert structure(by_settings) == structure(NESTED[0])
    assert by_settings.shift == pytest.approx(alone[0].size)


def test_the_program_of_a_module_that_is_off_is_the_shorter_one():
    params = Scaled().init(jax.random.key(0), X, train=True)
    on = str(jax.make_jaxpr(apply)(Scaled(shift=0.0), params))
    off = str(jax.make_jaxpr(apply)(Scaled(shift=None), params))
    assert on.count(" = add") == off.count(" = add") + 1


# --- what a class may declare -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hint",
    [
        *(tuple[float, float], tuple[float, ...], tuple[Rate, ...], tuple[float | None, ...], tuple[tuple[float, int], ...]),
        *(list[float], dict[str, float], float | int, float | jt.Dropout, jt.SGD | jt.Adam, tuple[jt.optim.Rule, jt.SGD]),
    ],
    ids=str,
)
def test_a_class_cannot_hide_floats_in_static_fields(hint):
    with pytest.raises(TypeError, match=r"^betas: floats inside .* would be static"):
        jt.extend.config()(type("Hidden", (), {"__annotations__": {"betas": hint}}))


def test_every_kind_of_field():
    kinds = {name: field.kind for name, field in fields(Every).items()}
    assert kinds == {
        **dict.fromkeys(["rate", "gain"], Kind.TRACED),
        **dict.fromkeys(["rule", "schedule", "dropout", "optimizer"], Kind.CONFIG),
        **dict.fromkeys(["inner"], Kind.MODEL),
        **dict.fromkeys(["layers", "outputs", "flag", "mode", "level", "word", "widths", "pair", "anything"], Kind.STATIC),
        **dict.fromkeys(["function"], Kind.STATIC),
    }
    optional = {name for name, field in fields(Every).items() if field.optional}
    assert optional == {"gain", "schedule", "dropout", "inner", "outputs", "pair", "function"}


@pytest.mark.parametrize("value", [[1, 2], {1: 2}, {1, 2}, np.ones(2), jnp.ones(2)], ids=repr)
def test_what_cannot_be_hashed_is_refused_for_a_static_field_in_one_sentence(value):
    with pytest.raises(
        jt.ConfigError, match=r"^Every.anything = .*: what is static must be hashable; write a tuple for a list\.$"
    ):
        Every(anything=value)
    with pytest.raises(jt.ConfigError, match=r"^Experiment.model = .*: what is static must be hashable"):
        jt.Experiment(model=Plain(inner={"here": value}))
    if isinstance(value, list):  # of which a tuple is made where one is declared
        assert Every(widths=value).widths == tuple(value)
    else:
        with pytest.raises(jt.ConfigError, match=r"^Every.widths = .* is not a tuple \(an integer >= 1, \.\.\.\)\.$"):
            Every(widths=value)
    assert hash(Every(anything=(1, "a"))) is not None


def test_a_linen_module_of_lists_is_one_of_tuples():
    layers = [nn.Dense(4), nn.Sequential([nn.relu, nn.Dense(3)])]
    model = jt.Experiment(model=nn.Sequential(layers)).model
    assert model.layers == (layers[0], nn.Sequential((nn.relu, nn.Dense(3))))
    assert jt.Experiment(model=model).model is model


# --- changing and comparing ---------------------------------------------------------------------------------------------


@light
@given(experiments, experiments)
def test_the_difference_of_two_experiments_turns_one_into_the_other(a, b):
    changes = a.diff(b)
    assert a.replace({path: there for path, (_, there) in changes.items()}) == b
    assert b.replace({path: here for path, (here, _) in changes.items()}) == a
    assert (changes == {}) == (a == b)
    assert a.diff(a) == {}
    assert changes == {path: pair[::-1] for path, pair in b.diff(a).items()}


def test_a_choice_that_differs_is_given_whole_and_a_number_by_its_path():
    other = BASE.replace({"optimizer.rule.b1": 0.8, "model.dropout": 0.3})
    assert BASE.diff(other) == {"optimizer.rule.b1": (0.9, 0.8), "model.dropout": (None, jt.nn.Inverted(rate=0.3))}
    assert BASE.diff(BASE.replace({"optimizer.rule": "sgd"})) == {"optimizer.rule": (jt.Adam(), jt.SGD())}


def test_replacing_goes_in_the_order_given_and_leaves_the_original_alone():
    before = repr(BASE)
    changed = BASE.replace({"optimizer.schedule": "warmup_cosine", "optimizer.schedule.warmup": 0.2, "model.dropout": 0.5})
    assert changed.optimizer.schedule == jt.schedules.WarmupCosine(warmup=0.2)
    assert changed.model.dropout == jt.nn.Inverted(rate=0.5)
    assert repr(BASE) == before and BASE.replace({}) == BASE


def test_replacing_works_on_tracers():
    rates = jax.jit(jax.vmap(lambda rate: replace(jt.SGD(), {"learning_rate": rate}).learning_rate * 2))(jnp.arange(3.0))
    assert rates.tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("modell.dropout", "there is no setting 'modell.dropout'; did you mean 'model.dropout'?"),
        ("optimiser.clip_norm", "there is no setting 'optimiser.clip_norm'; did you mean 'optimizer.clip_norm'?"),
        ("epoch", "there is no setting 'epoch'; did you mean 'epochs'?"),
        ("lr", "there is no setting 'lr'; did you mean 'optimizer.rule.learning_rate'?"),
        (
            "optimizer.rule.speed",
            "there is no setting 'optimizer.rule.speed'; there are: optimizer.rule.learning_rate, optimizer.rule.weight_decay, "
            "optimizer.rule.b1, optimizer.rule.b2, optimizer.rule.epsilon.",
        ),
        ("epochs.x", "there is no setting 'epochs.x'; did you mean 'epochs'?"),
        ("model.dropout.rate", "model.dropout.rate has no meaning while model.dropout is off; set model.dropout first."),
    ],
)
def test_an_unknown_path_is_answered_with_the_nearest(path, sentence):
    with pytest.raises(jt.ConfigError) as refused:
        BASE.replace({path: 1})
    assert str(refused.value) == sentence


@pytest.mark.parametrize("path", ["", ".", "model.", ".model", "model..dropout"])
def test_half_a_path_is_no_path(path):
    with pytest.raises(jt.ConfigError, match=r"^there is no setting"):
        BASE.replace({path: 1})


def test_nearest():
    assert nearest("relo", ["relu", "tanh"]) == "; did you mean 'relu'?"
    assert nearest("xyz", ["relu", "tanh"]) == "; there are: relu, tanh."
    assert nearest("xyz", []) == "."


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("optimizer.rule.learning_rate", -1, "Adam.learning_rate = -1.0 is not a number > 0."),
        ("optimizer.rule.learning_rate", 0, "Adam.learning_rate = 0.0 is not a number > 0."),
        ("optimizer.rule.learning_rate", float("nan"), "Adam.learning_rate = nan is not a number > 0."),
        ("optimizer.rule.learning_rate", float("inf"), "Adam.learning_rate = inf is not a number > 0."),
        ("optimizer.rule.weight_decay", -0.1, "Decoupled.rate = -0.1 is not a number >= 0."),
        ("optimizer.rule.b1", 1.0, "Adam.b1 = 1.0 is not a number in [0, 1)."),
        ("optimizer.rule.b1", None, "Adam.b1 = None is not a number in [0, 1)."),
        ("model.dropout", 1.0, "Inverted.rate = 1.0 is not a number in [0, 1)."),
        ("model.dropout", "inverse", "MLP.dropout = 'inverse' names no dropout; did you mean 'inverted'?"),
        ("model.dropout", True, "MLP.dropout = True is not one of inverted, test_scaled, or None for off."),
        ("model.activation", "rely", "MLP.activation = 'rely' names no activation; did you mean 'relu'?"),
        ("model.widths", (0, 3), "MLP.widths = (0, 3) is not a tuple (an integer >= 1, ...)."),
        ("model.remat", 1, "MLP.remat = 1 is not of type bool."),
        ("model", "mlq", "Experiment.model = 'mlq' names no model; did you mean 'mlp'?"),
        ("model", 3, f"Experiment.model = 3 is not one of {MODELS}."),
        ("optimizer", "adan", "Optimizer.rule = 'adan' names no rule; did you mean 'adam'?"),
        (
            "optimizer.schedule",
            jt.SGD(),
            f"is not one of {', '.join(sorted(choices(jt.schedules.Schedule)))}.",
        ),
        ("epochs", 2.0, "Experiment.epochs = 2.0 is not an integer >= 1."),
        ("epochs", 0, "Experiment.epochs = 0 is not an integer >= 1."),
        ("epochs", True, "Experiment.epochs = True is not an integer >= 1."),
    ],
)
def test_a_wrong_value_is_refused_by_field_value_and_what_is_allowed(path, value, sentence):
    with pytest.raises(jt.ConfigError) as refused:
        BASE.replace({path: value})
    assert str(refused.value).startswith(f"{path}: ") and str(refused.value).endswith(sentence)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "wrong", "sentence"),
    [
        ("mode", "fats", "Every.mode = 'fats' is not allowed; did you mean 'fast'?"),
        ("pair", (1, 2), "Every.pair = (1, 2) is not a tuple (an integer, of type str), or None for off."),
        ("pair", (1, "a", "b"), "Every.pair = (1, 'a', 'b') is not a tuple (an integer, of type str), or None for off."),
        ("function", 3, "Every.function = 3 is not of type"),
        ("word", 3, "Every.word = 3 is not of type str."),
        ("inner", 3, f"Every.inner = 3 is not one of {MODELS}, or None for off."),
    ],
)
def test_static_fields_are_checked_by_their_declared_type(field, wrong, sentence):
    with pytest.raises(jt.ConfigError) as refused:
        Every(**{field: wrong})
    assert str(refused.value).startswith(sentence.rstrip("."))


def test_a_class_is_no_instance_and_a_class_without_the_decorator_no_config():
    with pytest.raises(jt.ConfigError, match=r"^MLP.activation = <class .*ReLU'> is a class; write ReLU\(\)\.$"):
        jt.MLP(activation=jt.nn.ReLU)
    with pytest.raises(jt.ConfigError, match=r"^Optimizer.rule = .* is a class; write SGD\(\)\.$"):
        jt.Optimizer(rule=jt.SGD)

    class Faster(jt.SGD):
        pass

    with pytest.raises(jt.ConfigError, match=r"^Optimizer.rule = .*: Faster is no config; decorate the class with @jaxtricks"):
        jt.Optimizer(rule=Faster())


# --- groups and stacks --------------------------------------------------------------------------------------------------


@light
@given(st.lists(experiments, min_size=1, max_size=4), st.lists(st.floats(1e-6, 1), min_size=1, max_size=3))
def test_groups_hold_each_experiment_once_with_its_numbers(nodes, rates):
    nodes = [node.replace({"optimizer.rule.learning_rate": rate}) for rate in rates for node in nodes]
    groups = group(nodes)
    assert sorted(i for indices, _ in groups for i in indices) == list(range(len(nodes)))
    assert len(groups) == len({structure(node) for node in nodes})
    for indices, stacked in groups:
        assert indices == sorted(indices)
        assert structure(stacked) == structure(nodes[indices[0]])
        for leaf in jax.tree.leaves(stacked):
            assert leaf.dtype == np.float32 and leaf.shape == (len(indices),)
        for place, i in enumerate(indices):
            member = [float(leaf[place]) for leaf in jax.tree.leaves(stacked)]
            assert member == [float(np.float32(v)) for v in hyperparameters(nodes[i]).values()]


def test_two_rates_are_one_group_and_two_rules_are_two():
    rates = [BASE.replace({"optimizer.rule.learning_rate": rate}) for rate in (0.1, 0.2)]
    ((indices, stacked),) = group(rates)
    assert indices == [0, 1]
    np.testing.assert_array_equal(stacked.optimizer.rule.learning_rate, np.float32([0.1, 0.2]))
    others = [BASE.replace({"optimizer.rule": "sgd"}), BASE.replace({"model.dropout": 0.0}), BASE]
    assert [indices for indices, _ in group([*rates, *others])] == [[0, 1, 4], [2], [3]]


def test_stacks_are_float64_where_jax_is():
    with float64(True):
        stacked = stack([jt.SGD(learning_rate=0.1), jt.SGD(learning_rate=1)])
    assert stacked.learning_rate.dtype == np.float64 and stacked.learning_rate.tolist() == [0.1, 1.0]


# --- JSON ---------------------------------------------------------------------------------------------------------------

WRITTEN = [
    BASE,
    BASE.replace({"model.activation": user_code.cube, "optimizer.rule": "nesterov"}),
    BASE.replace({"model": Plain(widths=(3, 2), inner=Plain(inner=jt.nn.ReLU()))}),
    BASE.replace({"model": Scaled(scale=0.3, inner=jt.MLP(dropout=jt.nn.TestScaled(rate=0.1)))}),
    BASE.replace(
        {"model": Every(inner=Plain(), pair=(1, "a"), anything=(jt.nn.ReLU(), (Plain(), None)), function=user_code.cube)}
    ),
    BASE.replace({"model.activation": jnp.tanh}),
]


@settings(max_examples=200, deadline=None)
@given(experiments)
def test_json_round_trip(experiment):
    round_trip(experiment)


@pytest.mark.parametrize("experiment", WRITTEN)
def test_json_round_trip_of_a_user_s_code(experiment):
    round_trip(experiment)


def round_trip(experiment):
    back = jt.Experiment.from_json(json.loads(json.dumps(experiment.to_json(), allow_nan=False)))
    assert back == experiment
    assert structure(back) == structure(experiment)
    assert back.hyperparameters() == experiment.hyperparameters()
    assert back.fingerprint() == experiment.fingerprint()


@light
@given(experiments, experiments)
def test_fingerprints_tell_experiments_apart(a, b):
    assert (a.fingerprint() == b.fingerprint()) == (a == b)
    assert len(a.fingerprint()) == 12 and int(a.fingerprint(), 16) >= 0


def test_fingerprints_are_equal_in_another_process():
    code = "from tests.test_config import WRITTEN; print(*[e.fingerprint() for e in WRITTEN])"
    environment = os.environ | {"PYTHONHASHSEED": "7", "JAX_PLATFORMS": "cpu"}
    there = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert there.stdout.split() == [experiment.fingerprint() for experiment in WRITTEN]
    assert len(set(there.stdout.split())) == len(WRITTEN)


def test_a_user_s_code_is_written_as_module_and_name():
    assert WRITTEN[1].to_json()["model"]["activation"]["function"] == {"callable": "tests.user_code:cube"}
    plain = WRITTEN[2].to_json()["model"]
    assert plain["kind"] == "tests.user_code:Plain" and plain["widths"] == [3, 2]
    assert WRITTEN[3].to_json()["model"]["kind"] == "tests.user_code:Scaled"


class Method:
    def cube(self, x):
        return x**3


@pytest.mark.parametrize(
    "function", [lambda x: x, functools.partial(user_code.cube), Method().cube, functools.wraps(jnp.sin)(lambda x: x)]
)
def test_a_function_that_cannot_be_found_by_its_name_runs_and_is_not_written(function):
    node = BASE.replace({"model.activation": function})
    for write in (node.to_json, node.fingerprint):
        with pytest.raises(
            jt.ConfigError, match=r"cannot be written down; define it by name at the top of an importable module\.$"
        ):
            write()


def test_a_local_class_and_odd_values_are_not_written():
    class Local(nn.Module):
        pass

    for model in (Local(), Plain(inner=frozenset([1])), Plain(inner=1j)):
        with pytest.raises(jt.ConfigError, match=r"cannot be written"):
            BASE.replace({"model": model}).to_json()

    @jt.extend.config()
    class Kinds:
        kind: str = "lstm"

    with pytest.raises(jt.ConfigError, match=r"^Kinds has a field 'kind'"):
        to_json(Kinds())


def test_zero_has_one_fingerprint():
    assert fingerprint(jt.SGD(weight_decay=-0.0)) == fingerprint(jt.SGD(weight_decay=0))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"modle": {}}, "Experiment has no field 'modle'; did you mean 'model'?"),
        ({"model": {"kind": "mpl"}}, "kind = 'mpl' is unknown; did you mean 'mlp'?"),
        ({"model": {"kind": 3}}, f"kind = 3 is unknown; there are: {NAMES}."),
        ({"model": {}}, f"kind = None is unknown; there are: {NAMES}."),
        ({"optimizer": {"rule": {"learning_rate": 1}}}, f"kind = None is unknown; there are: {RULES}."),
        ({"optimizer": {"rule": {"kind": "mlp"}}}, f"kind = 'mlp' is unknown; there are: {RULES}."),
        (
            {"model": {"kind": "mlp", "dropout": {"kind": "inverted", "rate": 2}}},
            "Inverted.rate = 2.0 is not a number in [0, 1).",
        ),
        ({"model": {"kind": "mlp", "activation": {"kind": "jaxtricks.nn.activations:Custom"}}}, "Custom: "),
        ({"model": {"kind": "tests.user_code:Plain", "width": 3}}, "Plain has no field 'width'; did you mean 'widths'?"),
        ({"model": {"kind": "no_such_module:Net"}}, "no_such_module:Net cannot be imported: No module named 'no_such_module'."),
        ({"model": {"kind": ":Net"}}, ":Net cannot be imported: Empty module name."),
        ({"model": {"kind": "jaxtricks.optim.rules:SGD"}}, "Experiment.model = SGD("),
        ({"epochs": "3"}, "Experiment.epochs = '3' is not an integer >= 1."),
        ({"epochs": [3]}, "Experiment.epochs = (3,) is not an integer >= 1."),
        ([], "Experiment: expected a JSON object, not []."),
    ],
)
def test_json_that_means_nothing_is_refused(changes, sentence):
    with pytest.raises(jt.ConfigError) as refused:
        jt.Experiment.from_json(changes)
    assert str(refused.value).startswith(sentence)


def test_json_calls_nothing_but_configs(tmp_path):
    mark = tmp_path / "mark"
    for kind in ("subprocess:Popen", "os:system", "builtins:print"):
        with pytest.raises(jt.ConfigError, match="is unknown"):
            jt.Experiment.from_json({"model": {"kind": kind, "args": ["touch", str(mark)]}})
    assert not mark.exists()


def spoiled(draw, data):
    """The same JSON with something else in one place."""
    junk = st.sampled_from([None, True, -1, 0.5, 1e400, "x", "relu", ":", [], [1, "a"], {}, {"kind": "relu"}, {"callable": 3}])
    if isinstance(data, dict) and data and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(data)))
        return data | {name: spoiled(draw, data[name])}
    return draw(junk)


@settings(max_examples=200, deadline=None)
@given(experiments, st.data())
def test_spoiled_json_gives_an_experiment_or_a_config_error(experiment, data):
    written = spoiled(data.draw, experiment.to_json())
    try:
        read = jt.Experiment.from_json(written)
    except jt.ConfigError as error:
        is_one_sentence(error)
    else:
        assert jt.Experiment.from_json(read.to_json()) == read


# --- words of a command line --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "words", "value"),
    [
        ("rate", "0.25", 0.25),
        ("rate", "1e-3", 1e-3),
        ("gain", "2", 2.0),
        ("gain", "off", None),
        ("gain", "None", None),
        ("rule", "adam", jt.Adam()),
        ("rule.learning_rate", "3", 3.0),
        ("rule", '{"kind": "adam", "b1": 0.5}', jt.Adam(b1=0.5)),
        ("schedule", "warmup_cosine", jt.schedules.WarmupCosine()),
        ("schedule", "none", None),
        ("dropout", "0.3", jt.nn.Inverted(rate=0.3)),
        ("dropout", "test_scaled", jt.nn.TestScaled()),
        ("dropout", "off", None),
        ("inner", "mlp", jt.MLP()),
        ("inner", '{"kind": "tests.user_code:Plain", "widths": [3]}', Plain(widths=(3,))),
        ("layers", "3", 3),
        ("outputs", "off", None),
        ("flag", "False", False),
        ("flag", "true", True),
        ("mode", "slow", "slow"),
        ("level", "2", 2),
        ("word", "off", "off"),
        ("widths", "256 128", (256, 128)),
        ("widths", "256,128", (256, 128)),
        ("widths", "", ()),
        ("pair", "3 x", (3, "x")),
        ("pair", "off", None),
    ],
)
def test_words_for_every_kind_of_field(path, words, value):
    node = Every()
    split = [words] if words.startswith("{") else words.split()
    assert replace(node, {path: parse(node, path, split)}) == replace(node, {path: value})


@pytest.mark.parametrize("path", ["model.dropout", "optimizer.clip_norm", "stopping"])
def test_on_turns_a_trick_on_at_the_value_that_it_declares(path):
    base = jt.Experiment()
    trick = next(field.trick for name, field, _ in items(base) if name == path)
    on = base.replace({path: parse(base, path, ["on"])})
    assert on == base.replace({path: trick.tried}) != base
    assert on.replace({path: parse(on, path, ["off"])}) == base


@pytest.mark.parametrize(
    ("path", "words", "sentence"),
    [
        ("rate", ["much"], "rate = 'much' is not a number in [0, 1)."),
        ("rate", ["0.1", "0.2"], "rate takes one value, not 2: 0.1 0.2."),
        ("rate", [], "rate takes one value, not 0: none was given."),
        ("rate", ["off"], "rate = 'off' is not a number in [0, 1)."),
        ("layers", ["2.5"], "layers = '2.5' is not an integer."),
        ("widths", ["2", "x"], "widths = 'x' is not an integer >= 1."),
        ("pair", ["2"], "pair = '2' is not a tuple (an integer, of type str), or None for off."),
        ("rule", ["{"], "rule: '{' is not JSON"),
        ("rule", ['{"kind": "adm"}'], "kind = 'adm' is unknown; did you mean 'adam'?"),
        ("rat", ["1"], "there is no setting 'rat'; did you mean 'rate'?"),
    ],
)
def test_words_that_a_field_does_not_take(path, words, sentence):
    with pytest.raises(jt.ConfigError) as refused:
        parse(Every(), path, words)
    assert str(refused.value).startswith(sentence)


@settings(max_examples=200, deadline=None)
@given(experiments, st.data())
def test_any_words_give_a_value_or_a_config_error(experiment, data):
    path = data.draw(st.sampled_from(strategies.paths(experiment)))
    words = data.draw(
        st.lists(st.sampled_from(["0.5", "3", "-1", "nan", "off", "relu", "adam", "true", "x", "{", "{}", "1,2", ""]), max_size=2)
    )
    try:
        experiment.replace({path: parse(experiment, path, words)})
    except jt.ConfigError as error:
        is_one_sentence(error)


# --- 300 experiments ----------------------------------------------------------------------------------------------------


def logits(model, x):
    key = jax.random.key(0)
    variables = model.init({"params": key}, x, train=False)
    mutable = [name for name in variables if name != "params"]
    return model.apply(variables, x, train=True, rngs={"dropout": key}, mutable=mutable)[0]


@settings(max_examples=300, deadline=None)
@given(strategies.changes())
def test_an_experiment_with_changes_is_refused_or_has_logits(pair):
    experiment, changes = pair
    try:
        experiment = experiment.replace({"model.outputs": 3} | changes)
        shape = jax.eval_shape(logits, experiment.model, jax.ShapeDtypeStruct((4, 3), np.float32)).shape
    except jt.ConfigError as error:
        is_one_sentence(error)
    else:
        assert shape == (4, experiment.model.outputs)


# --- a tuple of configs -------------------------------------------------------------------------------------------------


class Shape(jt.extend.Family):
    """A shape."""


@jt.extend.config("square")
class Square(Shape):
    """A square with a side."""

    side: jt.extend.Positive = 1.0
    corners: jt.extend.Count = 4


@jt.extend.config()
class Drawing:
    """Several shapes."""

    shapes: tuple[Shape, ...] = (Square(),)
    more: tuple[Shape, ...] | None = None


def test_a_tuple_of_configs_is_a_tuple_of_children():
    drawing = Drawing(shapes=["square", Square(side=2)], more=Square(side=3.0))
    assert jax.tree.leaves(drawing) == [1.0, 2.0, 3.0]
    assert hyperparameters(drawing) == {"shapes.0.side": 1.0, "shapes.1.side": 2.0, "more.0.side": 3.0}
    assert from_json(Drawing, json.loads(json.dumps(to_json(drawing)))) == drawing
    assert to_json(drawing)["more"] == [{"kind": "square", "side": 3.0, "corners": 4}]
    changed = drawing.__class__(**{name: getattr(drawing, name) for name in ("more",)}, shapes=drawing.shapes)
    assert changed == drawing and jax.tree.structure(Drawing()) != jax.tree.structure(drawing)
    other = replace(drawing, {"shapes.1.side": 5, "more": None})
    assert diff(drawing, other) == {"shapes.1.side": (2.0, 5.0), "more": ((Square(side=3.0),), None)}
    assert locate(drawing, "shapes.1.side").allowed == "a number > 0"
    assert stack([drawing, replace(drawing, {"shapes.0.side": 7})]).shapes[0].side.tolist() == [1.0, 7.0]
    assert parse(drawing, "shapes.1.side", ["4"]) == 4.0 and parse(drawing, "more", ["off"]) is None
    assert replace(drawing, {"shapes": parse(drawing, "shapes", ['["square",', '{"kind": "square", "side": 2}]'])}) == drawing


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("shapes", ("squar",), "shapes: Drawing.shapes[0] = 'squar' names no shape; did you mean 'square'?"),
        ("shapes", (Square(), 3), "shapes: Drawing.shapes[1] = 3 is not one of square."),
        ("shapes", (None,), "shapes: Drawing.shapes[0] = None is not one of square."),
        ("shapes", None, "shapes: Drawing.shapes[0] = None is not one of square."),
        ("shapes.1.side", 3, "there is no setting 'shapes.1.side'; did you mean 'shapes.0.side'?"),
        ("more.0.side", 3, "more.0.side has no meaning while more is off; set more first."),
    ],
)
def test_a_tuple_of_configs_refuses(path, value, error):
    with pytest.raises(jt.ConfigError) as refused:
        replace(Drawing(), {path: value})
    assert str(refused.value) == error
