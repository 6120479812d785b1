"""Ladders: what is kept, on what the next rung stands, what is refused, and how often luck is kept."""

import dataclasses

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.evaluate.ladder import shares
from jaxtricks.evaluate.verdict import Decision

DIGITS = jt.load("digits").subset(200, seed=0)
BASE = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
RATE = "optimizer.rule.learning_rate"


def climb(steps, **options):
    return jt.ladder(steps, DIGITS, base=BASE, **({"seeds": 8, "progress": False} | options), tune=None)


@pytest.fixture(scope="module")
def climbed():
    """Three rungs: one helps, one hurts, and one helps on top of the first."""
    return climb({"faster": {RATE: 0.01}, "noisy": {"model.dropout": 0.9}, "faster still": {RATE: 0.05}})


def test_what_helps_is_kept_and_the_next_rung_stands_on_it(climbed):
    assert climbed.kept == ("faster", "faster still")
    assert [rung.against for rung in climbed.rungs] == ["baseline", "faster", "faster"]
    assert [rung.level for rung in climbed.rungs] == pytest.approx([0.05 / 3, 0.1 / 3, 0.05 / 3])
    first, second, third = climbed.rungs
    assert first.verdict.baseline_mean == pytest.approx(climbed.baseline.metrics["accuracy"].mean())
    for rung in (second, third):
        assert rung.verdict.baseline_mean == pytest.approx(first.runs.metrics["accuracy"].mean())
    assert second.verdict.decision is Decision.HURTS and second.why == "hurts"
    assert third.runs.experiment.model.dropout is None  # what was not kept is gone
    assert climbed.experiment == BASE.replace({RATE: 0.05})


def test_all_rungs_have_the_same_seeds_and_the_closing_comparison_others(climbed):
    assert {runs.names for runs in climbed.arms.values()} == {tuple(f"seed {seed}" for seed in range(8))}
    assert list(climbed.arms) == ["baseline", "faster", "noisy", "faster still"]
    assert climbed.closing.baseline.names == tuple(f"seed {seed}" for seed in range(8, 16))
    (verdict,) = climbed.closing.verdicts
    assert verdict.decision is Decision.HELPS and str(climbed).endswith(f"together, on other seeds: {verdict}")
    assert climbed.closing.changes["the whole ladder"].experiment == climbed.rungs[2].runs.experiment


def test_a_ladder_is_a_table_and_a_text(climbed):
    assert set(climbed.frame()["experiment"].to_pylist()) == set(climbed.arms)
    assert repr(climbed) == "Ladder(digits, 2 of 3 rungs kept: faster, faster still)"
    lines = str(climbed).splitlines()
    assert lines[0].startswith("faster: kept (+") and lines[1].startswith("noisy: not kept: hurts (-")


def test_where_nothing_is_kept_the_baseline_stays_and_nothing_is_compared_again():
    found = climb([{RATE: 1e9}], seeds=2)
    (rung,) = found.rungs
    assert not rung.kept and found.kept == () and found.closing is None and found.experiment == BASE


def test_a_rung_that_diverges_is_not_kept_and_says_so():
    sgd = BASE.replace({"optimizer.rule": jt.SGD(learning_rate=0.01), "optimizer.clip_norm": None})
    found = jt.ladder({"too fast": {RATE: 1e9}}, DIGITS, base=sgd, seeds=6, progress=False, tune=None)
    (rung,) = found.rungs
    assert not rung.kept and "restarts diverged" in str(rung)


def test_a_p_that_is_not_below_its_share_is_not_kept(climbed):
    helps = climbed.rungs[0].verdict
    assert helps.decision is Decision.HELPS and helps.corrected_p == pytest.approx(2**-7)
    found = climb({"faster": {RATE: 0.01}} | {f"noisy {i}": {"model.dropout": 0.1 + i / 100} for i in range(6)}, seeds=8)
    assert found.rungs[0].level < 2**-7 and not found.rungs[0].kept
    assert found.rungs[0].why == "p = 0.0078 is not below 0.0071, its share of 5%"


def test_a_step_that_needs_one_that_was_not_kept_is_named_and_the_others_go_on():
    steps = {
        "a slow rule": {"optimizer.rule": jt.Momentum(learning_rate=1e-9)},
        "its momentum": {"optimizer.rule.momentum": 0.5},
        "faster": {RATE: 0.01},
    }
    found = climb(steps, seeds=8)
    assert [rung.kept for rung in found.rungs] == [False, False, True]
    assert found.rungs[1].verdict is None and "does not fit what was kept" in str(found.rungs[1])
    assert "its momentum" not in found.arms and len(found.verdicts) == 2


def test_a_step_may_be_a_function_of_the_experiment_so_far():
    def doubled(experiment):
        return dataclasses.replace(experiment, epochs=2 * experiment.epochs)

    assert climb({"longer": doubled, "longer still": doubled}, seeds=8).rungs[1].runs.experiment.epochs in (4, 8)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({}, r"^steps = \{\} names no change"),
        ([{RATE: 0.1}, {RATE: 0.1}], "the same step twice"),
        ([{RATE: BASE.optimizer.rule.learning_rate}], "changes nothing"),
        ([{"model.dropuot": 0.5}], "did you mean"),
        ({"none": lambda experiment: None}, "gives NoneType"),
        ([lambda experiment: experiment], "is no list of dicts of settings"),
        ("model.dropout=0.5", r"^steps = 'model\.dropout=0\.5' is no list"),
        ({"half": 0.5}, r"^step 'half' = 0\.5 is no dict of settings and no function"),
        ({"baseline": {RATE: 0.1}}, "another label"),
        ([{"model": jt.RNN(widths=(4,))}], r"^step 'model=rnn\(widths=\(4,\)\)': RNN takes"),
    ],
)
def test_bad_steps_are_refused_before_anything_compiles(steps, says, monkeypatch):
    monkeypatch.setattr("jaxtricks.evaluate.ladder.fit", lambda *_, **__: pytest.fail("it compiles"))
    with pytest.raises(jt.ConfigError, match=says):
        climb(steps)


def test_too_few_seeds_are_told_beforehand(capsys):
    climb([{RATE: 0.01}], seeds=2, progress=True)
    said = "a ladder of 1 rung needs at least 6 seeds for its first rung to be kept, and there are 2."
    assert said in capsys.readouterr().err


def test_a_ladder_that_was_cut_off_goes_on_from_its_checkpoints(tmp_path, climbed, monkeypatch):
    steps = {"faster": {RATE: 0.01}, "noisy": {"model.dropout": 0.9}, "faster still": {RATE: 0.05}}
    climb({"faster": steps["faster"]}, checkpoints=jt.Checkpoints(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["closing", "rung-0", "rung-1"]
    (tmp_path / "closing").rename(tmp_path / "another")
    again = climb(steps, checkpoints=jt.Checkpoints(tmp_path))
    for name, runs in again.arms.items():
        np.testing.assert_array_equal(runs.metrics["nll"], climbed.arms[name].metrics["nll"])


# --- how often luck is kept ---------------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), max_size=12))
def test_no_more_is_spent_on_rungs_that_are_not_kept_than_there_is(kept):
    spent = [shares(kept[:i], len(kept)) for i in range(len(kept))]
    assert sum(share for share, was in zip(spent, kept, strict=True) if not was) <= 1 + 1e-9
    assert all(0 < share <= 1 + 1e-9 for share in spent)


def false_keeps(kind, effects, ladders, seeds=16, own_seeds=False):
    """The share of simulated ladders that keep a rung without an effect.

    Args:
        kind: how a rung's luck on a seed is made of that below it: "apart", "half", "on top" of it, or in "doses" of one.
        effects: of each rung on the one that it stands on, in standard deviations.
        ladders: how many.
        seeds: of each.
        own_seeds: whether each rung draws seeds of its own.
    """
    draw = np.random.default_rng(0)
    below, dose = draw.normal(size=(2, ladders, seeds))
    kept, false = np.zeros((ladders, 0), bool), np.zeros(ladders, bool)
    table = {}
    for i, effect in enumerate(effects):
        if own_seeds:
            below, dose = draw.normal(size=(2, ladders, seeds))
        fresh = draw.normal(size=(ladders, seeds))
        luck = {"apart": fresh, "half": (below + fresh) / 2**0.5, "on top": below + fresh, "doses": below + dose * (1 + i / 5)}
        d = luck[kind] - below + effect
        t = d.mean(axis=1) / d.std(axis=1, ddof=1) * seeds**0.5
        p = 2 * scipy.special.stdtr(seeds - 1, -np.abs(t))
        level = [table.setdefault(tuple(row), 0.05 * shares(row, len(effects))) for row in kept.tolist()]
        keep = (t > 0) & (p < level)
        false |= keep & (effect == 0)
        below = np.where(keep[:, None], luck[kind], below)
        kept = np.column_stack([kept, keep])
    return false.mean()


@pytest.mark.parametrize("effects", [(0,) * 8, (1, 0) * 4, (1, 1, 1, 1, 0, 0, 0, 0), (0.7,) * 4 + (0,) * 4])
def test_luck_is_kept_by_one_ladder_in_forty_at_most(effects):
    limit = 0.025 + 3 * (0.025 / 1_000) ** 0.5
    for kind in ("apart", "half", "on top", "doses"):
        assert false_keeps(kind, effects, 1_000) < limit
