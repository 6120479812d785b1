"""The comparison of fifteen rules: each is what it is called, all of them are one program, cells are kept, and the count."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxtricks as jt
from experiments.crowded_valley import __main__ as script
from experiments.crowded_valley.cells import FULL, Cell, Size, trained
from experiments.crowded_valley.one_rule import OneSchedule
from experiments.crowded_valley.problems import PROBLEMS, Problem
from experiments.crowded_valley.rules import RULES, SCHEDULES, drawn
from experiments.crowded_valley.table import Table, best
from experiments.search import _valley, adam_among_fifteen, defaults_or_tuning, rules_across_tasks

STEPS = 30


def bound(maximum):
    """AdaBound and AMSBound as their authors' code has them."""

    def init(params):
        return jnp.zeros_like(params), jnp.zeros_like(params), jnp.zeros_like(params), jnp.int32(0)

    def update(g, state, params=None):
        m, v, largest, step = state
        step, alpha, final, gamma = step + 1, 1e-3, 0.1, 1e-3
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        largest = jnp.maximum(largest, v)
        size = alpha * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step) / (jnp.sqrt(largest if maximum else v) + 1e-8)
        size = jnp.clip(size, final * (1 - 1 / (gamma * step + 1)), final * (1 + 1 / (gamma * step)))
        return size * m / alpha, (m, v, largest, step)

    return optax.GradientTransformation(init, update)


def belief():
    """AdaBelief as its paper has it."""

    def init(params):
        return jnp.zeros_like(params), jnp.zeros_like(params), jnp.int32(0)

    def update(g, state, params=None):
        m, s, step = state
        step = step + 1
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-14
        return m / (1 - 0.9**step) / (jnp.sqrt(s / (1 - 0.999**step)) + 1e-14), (m, s, step)

    return optax.GradientTransformation(init, update)


SAME = {
    "sgd": jt.SGD().direction(),
    "momentum": jt.Momentum().direction(),
    "nesterov": jt.optim.Nesterov().direction(),
    "adagrad": jt.optim.AdaGrad(epsilon=1e-7).direction(),
    "adadelta": optax.scale_by_adadelta(rho=0.95, eps=1e-8),
    "rmsprop": jt.optim.RMSProp(epsilon=1e-10).direction(),
    "adam": jt.Adam().direction(),
    "amsgrad": jt.optim.AMSGrad().direction(),
    "nadam": optax.scale_by_adam(eps=1e-7, nesterov=True),
    "radam": jt.optim.RAdam(epsilon=1e-7).direction(),
    "adabelief": belief(),
    "adabound": bound(False),
    "amsbound": bound(True),
    "lookahead_momentum": jt.Momentum().direction(),
    "lookahead_radam": jt.optim.RAdam(epsilon=1e-7).direction(),
}


@pytest.mark.parametrize("name", RULES)
def test_a_value_of_the_one_rule_is_the_rule_that_it_is_called(name):
    ours, other, w = RULES[name].rule.direction(), SAME[name], jnp.array([1.0, -2.0, 0.5])
    states = ours.init(w), other.init(w)
    for step in range(STEPS):
        g = jnp.array([1.0, 0.1, -3.0]) * jnp.cos(0.7 * step + jnp.arange(3.0)) * (1 if step < 20 else 0.1)
        (a, first), (b, second) = ours.update(g, states[0], w), other.update(g, states[1], w)
        states = first, second
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6, err_msg=f"step {step}")


def test_all_rules_and_schedules_are_two_programs_for_a_problem():
    def structure(entry, schedule):
        return jax.tree.structure(jt.Optimizer(rule=entry.rule, schedule=schedule, averaging=entry.averaging))

    assert len({structure(entry, schedule) for entry in RULES.values() for schedule in SCHEDULES.values()}) == 2
    assert script.programs() == 48 <= 60


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("constant", jt.schedules.Constant()),
        ("cosine", jt.schedules.Cosine()),
        ("restarts", jt.schedules.Restarts()),
        ("trapezoid", jt.schedules.Trapezoid(warmup=0.1, cooldown=0.1)),
    ],
)
def test_a_value_of_the_one_schedule_is_the_schedule_that_it_is_called(name, schedule):
    assert isinstance(SCHEDULES[name], OneSchedule)
    steps = jnp.arange(40)
    np.testing.assert_array_equal(*(jax.vmap(lambda t, each=each: each(t, 40))(steps) for each in (SCHEDULES[name], schedule)))


def test_there_are_53_760_runs():
    assert (len(RULES), len(SCHEDULES), len(PROBLEMS)) == (15, 4, 8)
    assert len(RULES) * len(PROBLEMS) * FULL.runs == 53_760
    assert sum(entry.newer for entry in RULES.values()) == len(_valley.NEWER)
    assert {name for name, entry in RULES.items() if entry.newer} == set(_valley.NEWER)


def test_settings_are_drawn_from_their_ranges_and_are_others_for_each_problem_rule_and_schedule():
    for name, entry in RULES.items():
        settings = drawn(entry, 50, f"a, {name}, b")
        assert settings[:7] == drawn(entry, 7, f"a, {name}, b") != drawn(entry, 7, f"c, {name}, b")
        assert all(1e-4 <= each["learning_rate"] <= 1 and set(each) == set(entry.ranges) for each in settings)
        rates = np.log10([each["learning_rate"] for each in settings])
        assert rates.min() < -3 and rates.max() > -1


def test_the_best_is_the_best_that_did_not_diverge():
    values = np.array([[np.nan, 0.2, 0.5], [np.nan, np.nan, np.nan]])
    assert best(values, higher=True).tolist() == [2, 0] and best(values, higher=False).tolist() == [1, 0]


def tiny() -> Problem:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 3))
    data = jt.Dataset.from_arrays(x, x @ np.array([1.0, -2.0, 0.5]), name="tiny")
    raw = {"inputs": jt.experiment.Raw(), "targets": jt.experiment.RawTargets()}
    return Problem(jt.Experiment(model=jt.MLP(widths=()), batch_size=8, epochs=2, **raw), lambda: data, "squared", "nothing")


def test_cells_are_trained_once_and_kept(monkeypatch, tmp_path, capsys):
    small, trained_cells = Size(2, 3, (1, 3)), []

    def counted(name, problem, data, rule, size):
        trained_cells.append((name, rule[0]))
        return trained(name, problem, data, rule, size)

    monkeypatch.setattr(script, "PROBLEMS", {"tiny": tiny()})
    monkeypatch.setattr(script, "RULES", {name: RULES[name] for name in ("sgd", "adam")})
    monkeypatch.setattr(script, "FULL", small)
    monkeypatch.setattr(script, "trained", counted)
    monkeypatch.setattr(script, "set_up", lambda members: None)
    written = []
    monkeypatch.setattr(Table, "write", lambda table: written.append(table))
    monkeypatch.setattr(script, "page", lambda table: [f"{table.runs} runs"])
    script.main(script.Arguments(tmp_path, only="none of them"))
    assert not trained_cells and "0 of 2 cells" in capsys.readouterr().out and not written
    script.main(script.Arguments(tmp_path))
    (table,), first = written, Cell.read(tmp_path / "tiny-sgd.npz")
    assert table.default.shape == (1, 2, 4, 2) and table.tuning.shape == (1, 2, 4, 3) and table.chosen.shape == (1, 2, 4, 2, 1)
    assert table.runs == 2 * small.runs and "56 runs" in capsys.readouterr().out
    (tmp_path / "tiny-sgd.npz").unlink()  # as if it had been stopped before
    script.main(script.Arguments(tmp_path))
    assert trained_cells == [("tiny", "sgd"), ("tiny", "adam"), ("tiny", "sgd")]
    again = Cell.read(tmp_path / "tiny-sgd.npz")
    assert all(np.array_equal(getattr(first, part), getattr(again, part)) for part in ("default", "tuning", "chosen"))
    assert Cell.read(tmp_path / "nothing.npz") is None and not list(tmp_path.glob(".*"))


# --- the table and the claims on it, with numbers that are made up --------------------------------------------------------


def made_up(effect: float, interaction: float, tuned: float) -> Table:
    """A table in which rules, and rules on problems, differ by so much, and tuning adds so much; 0 is a constant answer."""
    draw = np.random.default_rng(1)
    problems, rules = tuple(PROBLEMS), tuple(RULES)
    good = 0.5 + effect * np.linspace(-1, 1, 15) + interaction * draw.uniform(-1, 1, (8, 15))

    def runs(mean, *shape):
        return mean.reshape(8, 15, *[1] * len(shape)) + draw.normal(0, 1e-3, (8, 15, *shape))

    seconds = np.ones((8, 15))
    parts = runs(good, 4, 10), runs(good + tuned, 4, 75), runs(good + tuned, 4, 3, 9), seconds, seconds
    return Table(problems, rules, tuple(SCHEDULES), np.ones(8, bool), np.zeros(8), *parts)


def rulings(claim, table, monkeypatch) -> list[str]:
    monkeypatch.setattr(Table, "read", classmethod(lambda cls: table))
    return [str(part.ruling) for part in claim.CLAIM.measured(claim.CLAIM.at("cpu")).parts if part.kind == "paper"]


def test_the_claims_see_what_is_planted(monkeypatch):
    alike, mixed = made_up(0.3, 0.0, 0.0), made_up(0.0, 0.4, 0.0)
    assert rulings(rules_across_tasks, alike, monkeypatch) == ["refuted", "refuted"]
    assert rulings(rules_across_tasks, mixed, monkeypatch) == ["supported", "supported"]
    assert rulings(defaults_or_tuning, mixed, monkeypatch) == ["supported"]
    assert rulings(defaults_or_tuning, made_up(0.0, 0.01, 0.4), monkeypatch) == ["refuted"]
    assert rulings(adam_among_fifteen, alike, monkeypatch) == ["refuted", "refuted", "refuted"]
    assert rulings(adam_among_fifteen, made_up(0.0, 0.012, 0.0), monkeypatch)[:2] == ["supported", "supported"]


def test_a_table_that_is_kept_says_the_same(tmp_path):
    table = made_up(0.1, 0.1, 0.1)
    table.default[0, 0, 0, 0] = np.nan
    table.write(tmp_path / "table.npz")
    read = Table.read(tmp_path / "table.npz")
    assert read.rules == table.rules and read.higher.dtype == bool and read.runs == 53_760
    np.testing.assert_allclose(read.chosen, table.chosen, rtol=1e-6)
    assert read.defaults[0, 0, 0, 0] == 0 and read.tuned("large").max() <= 1
    assert any("53,760 runs in 48 programs" in line and "; 1 runs diverged" in line for line in script.page(read))
