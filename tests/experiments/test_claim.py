"""The claim form: what is supported, what is refuted, and what a claim refuses to be."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats

import jaxtricks as jt
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.claim import (
    Axes,
    Chosen,
    Claim,
    Curve,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    decided,
    digest,
    either,
    exact,
    expect,
    holds,
    plain,
    premise,
    settle,
    together,
)
from jaxtricks.evaluate.verdict import Comparison, Decision, Measure, judge
from jaxtricks.objectives.metrics import METRICS

SUPPORTED, REFUTED, INCONCLUSIVE, NOT_TESTABLE = Ruling


def measure(scale):
    """Measures nothing."""


VALID = {"rows": ("T056",), "lecture": 0, "statement": "x", "papers": (), "refuted_by": "y", "measure": measure, "kind": "effect"}


@pytest.mark.parametrize(
    ("low", "high", "bounds", "ruling"),
    [
        (-2, -1, {"below": 0}, SUPPORTED),
        (-2, 0, {"below": 0}, INCONCLUSIVE),  # the bound itself is not below it
        (-1, 1, {"below": 0}, INCONCLUSIVE),
        (0, 1, {"below": 0}, REFUTED),
        (1, 2, {"above": 0}, SUPPORTED),
        (-1, 1, {"above": 0}, INCONCLUSIVE),
        (-2, 0, {"above": 0}, REFUTED),
        (-0.05, 0.05, {"above": -0.1, "below": 0.1}, SUPPORTED),
        (-0.05, 0.15, {"above": -0.1, "below": 0.1}, INCONCLUSIVE),
        (-0.2, 0.2, {"above": -0.1, "below": 0.1}, INCONCLUSIVE),
        (0.1, 0.15, {"above": -0.1, "below": 0.1}, REFUTED),
        (-0.2, -0.15, {"above": -0.1, "below": 0.1}, REFUTED),
        (math.nan, math.nan, {"below": 0}, INCONCLUSIVE),
    ],
)
def test_an_interval_settles_a_claim_only_as_a_whole(low, high, bounds, ruling):
    part = settle("x", Estimate((low + high) / 2, low, high), **bounds)
    assert part.ruling is ruling
    assert part.p <= 0.05 if ruling in (SUPPORTED, REFUTED) else part.p >= 0.05


def verdict(*differences, margin=0.01, metric="accuracy"):
    baseline = np.full(len(differences), 0.5)
    names = tuple(f"seed {i}" for i in range(len(differences)))
    return judge(Comparison("change", baseline, baseline + differences, names), Measure(METRICS[metric].declared, margin=margin))


HELPING, HURTING = (verdict(*(sign * x for x in np.linspace(0.02, 0.05, 12))) for sign in (1, -1))
EQUAL, OPEN = verdict(*np.linspace(-0.004, 0.005, 12)), verdict(*np.linspace(-0.08, 0.1, 12))


@pytest.mark.parametrize(
    ("found", "expected", "ruling", "against"),
    [
        (HELPING, (Decision.HELPS,), SUPPORTED, False),
        (HURTING, (Decision.HELPS,), REFUTED, True),
        (EQUAL, (Decision.HELPS,), REFUTED, True),
        (OPEN, (Decision.HELPS,), INCONCLUSIVE, False),
        (OPEN, (Decision.HURTS,), INCONCLUSIVE, True),
        (EQUAL, (Decision.NO_DIFFERENCE, Decision.HURTS), SUPPORTED, False),
        (HURTING, (Decision.NO_DIFFERENCE, Decision.HURTS), SUPPORTED, False),
    ],
)
def test_a_verdict_is_held_against_what_was_expected(found, expected, ruling, against):
    part = expect("x", found, *expected)
    assert (part.ruling, part.against) == (ruling, against)
    assert (part.p < 0.05) == (ruling is not INCONCLUSIVE)


@pytest.mark.parametrize(
    ("expected", "above", "below"),
    [
        ((Decision.HELPS,), 0, None),
        ((Decision.HURTS,), None, 0),
        ((Decision.NO_DIFFERENCE,), -0.01, 0.01),
        ((Decision.HURTS, Decision.NO_DIFFERENCE), None, 0.01),
        ((Decision.HELPS, Decision.HURTS), None, None),
    ],
)
def test_an_expected_decision_says_where_the_difference_should_lie(expected, above, below):
    (interval,) = expect("x", verdict(*np.linspace(0.02, 0.05, 12), margin=0.01), *expected).measured
    assert (interval.above, interval.below) == (above, below) and interval.low < interval.mean == pytest.approx(0.035)
    (interval,) = expect("x", verdict(*np.linspace(0.02, 0.05, 12), margin=0.01, metric="nll"), *expected).measured
    assert (interval.above, interval.below) == (None if below is None else -below, None if above is None else -above)


ABOVE, BELOW = (settle(name, Estimate(mean, mean - 1, mean + 1), above=0) for name, mean in (("above", 2), ("below", -2)))
UNDECIDED = settle("undecided", Estimate(0.5, -1, 2), above=0)
RIGHT, WRONG = exact("right", 0.0, 1e-6), exact("wrong", 1.0, 1e-6)


def paper(part):
    return dataclasses.replace(part, kind="paper")


@pytest.mark.parametrize(
    ("parts", "ruling", "by"),
    [
        ((ABOVE,), SUPPORTED, ("above",)),
        ((ABOVE, UNDECIDED), INCONCLUSIVE, ("undecided",)),
        ((UNDECIDED, BELOW, ABOVE), REFUTED, ("below",)),
        ((RIGHT, ABOVE), SUPPORTED, ("above",)),
        ((WRONG, ABOVE), REFUTED, ("wrong",)),
        ((RIGHT, paper(BELOW)), SUPPORTED, ("right",)),  # a formula that holds is not refuted by what a paper says beside it
        ((paper(BELOW), paper(ABOVE)), REFUTED, ("below",)),
        ((premise("spikes", False, ""), BELOW), NOT_TESTABLE, ("spikes",)),
        ((premise("spikes", True, ""), BELOW), REFUTED, ("below",)),
    ],
)
def test_the_ruling_on_a_claim_names_the_parts_that_decide(parts, ruling, by):
    found = decided(parts)
    assert (found.ruling, found.by) == (ruling, by)


def test_one_of_many_parts_refutes_only_after_correction_and_support_needs_none():
    barely = settle("barely", Estimate(-1.0, -1.96, -0.04), above=0)  # p = 0.04
    assert decided([barely]).ruling is REFUTED
    others = [dataclasses.replace(ABOVE, name=str(i)) for i in range(3)]
    assert decided([barely, *others]).ruling is INCONCLUSIVE
    # Identities and what papers say beside them were not left to luck, or do not decide: they do not count in the family.
    assert decided([barely, RIGHT, paper(ABOVE)]).ruling is REFUTED
    weak = settle("weak", Estimate(1.0, 0.04, 1.96), above=0)
    assert decided([weak, *others]) == (SUPPORTED, ("weak",), weak.p)


def test_a_false_conjunction_is_called_refuted_no_more_often_than_one_part_is():
    """All parts true and at their bounds: Holm keeps the share of false refutations at the level of one."""
    draw, wrong = np.random.default_rng(0), 0
    for _ in range(400):
        parts = [settle(str(i), Estimate.of(draw.normal(size=8)), above=0) for i in range(5)]
        wrong += decided(parts).ruling is REFUTED
    assert wrong / 400 < 0.05


def test_parts_join_to_all_of_them_or_to_any():
    assert together("x", [ABOVE, BELOW]).ruling is REFUTED and together("x", [ABOVE, UNDECIDED]).ruling is INCONCLUSIVE
    assert either("x", [ABOVE, BELOW]).ruling is SUPPORTED and not either("x", [ABOVE, BELOW]).against
    assert either("x", [BELOW, BELOW]).ruling is REFUTED and either("x", [BELOW, UNDECIDED]).ruling is INCONCLUSIVE
    barely = settle("barely", Estimate(1.0, 0.04, 1.96), above=0)
    assert either("x", [barely]).ruling is SUPPORTED and either("x", [barely, BELOW]).ruling is INCONCLUSIVE  # two chances


def test_an_identity_has_no_p_and_falls_with_one_error():
    assert exact("x", np.array([0.0, 1e-3]), 1e-6).ruling is REFUTED and exact("x", np.array([0.0]), 1e-6).p is None
    assert holds("x", False, "").ruling is REFUTED and settle("x", Estimate(1, 0.5, 2), above=0, kind="identity").p is None


def test_an_estimate_is_a_mean_with_its_interval():
    estimate = Estimate.of(np.array([1.0, 2.0, 3.0], np.float32))
    half = 4.302652729911275 / math.sqrt(3)  # t with two degrees of freedom, 97.5%
    assert (estimate.mean, estimate.low, estimate.high) == pytest.approx((2, 2 - half, 2 + half))
    assert estimate.values == (1, 2, 3)
    assert estimate.p(0) == pytest.approx(2 * stats.t.sf(2 * math.sqrt(3), 2))
    assert f"{Estimate(-1.386, -1.4, -1.37):+.2f}" == "-1.39 [-1.40, -1.37]"


def test_a_share_has_the_exact_interval():
    share = Estimate.share(np.array([True] * 16))
    assert share.mean == share.high == 1
    assert share.low == pytest.approx(0.025 ** (1 / 16))
    assert share.p(0.5) == pytest.approx(2**-15) and share.p(share.low) == pytest.approx(0.05)


def test_a_curve_has_one_band_a_point():
    curve = Curve.over_seeds("a", range(2), np.array([[0.0, 1.0], [2.0, 1.0]]))
    assert curve.x == (0, 1) and curve.mean == (1, 1)
    assert curve.low[0] < 0 < 2 < curve.high[0] and curve.low[1] == curve.high[1] == 1


def test_an_outcome_is_plain_json():
    numbers = {
        "n": np.int64(3),
        "slope": Estimate(1 / 3, math.nan, 1.0, (1.0,)),
        "rate": Chosen(0.1, (0.1, 0.3), edge=True),
        "all": np.array([0.1], np.float32),
        "ok": np.True_,
    }
    curve = Curve("a", (1.0,), (2.0,), (math.nan,), (math.inf,))
    parts = (BELOW, dataclasses.replace(BELOW, name="other", ruling=INCONCLUSIVE, p=0.9))
    outcome = Outcome(parts, "none", numbers, (curve,), Axes("x", "y", log="x"), {"a": Chosen(1, (1, 2), edge=True)}).to_json()
    assert json.loads(json.dumps(outcome, allow_nan=False)) == {
        "verdict": "refuted",
        "by": ["below"],
        "p": pytest.approx(2 * BELOW.p, rel=1e-5),
        "parts": [
            {
                "name": name,
                "kind": "effect",
                "ruling": ruling,
                "p": pytest.approx(p, rel=1e-5),
                "against": True,
                "text": "-2 [-3, -1], above 0?",
                "scope": "new data",
                "measured": [{"name": "below", "mean": -2, "low": -3, "high": -1, "above": 0, "below": None}],
                "corrected_p": pytest.approx(corrected, rel=1e-5),
            }
            for name, ruling, p, corrected in (("below", "refuted", BELOW.p, 2 * BELOW.p), ("other", "inconclusive", 0.9, 0.9))
        ],
        "effect": "none",
        "numbers": {
            "n": 3,
            "slope": {"mean": 0.333333, "low": None, "high": 1.0, "values": [1.0]},
            "rate": {"value": 0.1, "tried": [0.1, 0.3], "edge": True},
            "all": [0.1],
            "ok": True,
        },
        "series": [{"name": "a", "x": [1.0], "mean": [2.0], "low": [None], "high": [None]}],
        "axes": {"x": "x", "y": "y", "log": "x", "places": []},
        "chosen": {"a": {"value": 1, "tried": [1, 2], "edge": True}},
        "sizes": {},
    }
    assert plain({1: (2, None)}) == {"1": [2, None]}


def test_a_claim_is_named_after_its_file(monkeypatch):
    monkeypatch.setattr(measure, "__module__", "experiments.feedforward.dropout")
    claim = Claim(**VALID)
    assert (claim.name, claim.chapter, claim.method) == ("dropout", "feedforward", "Measures nothing.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": "T056"}, "rows"),
        ({"rows": ()}, "rows"),
        ({"rows": ("56",)}, "rows"),
        ({"lecture": 4}, "lecture"),
        ({"refuted_by": " "}, "refuted_by"),
        ({"measure": lambda scale: None}, "method"),
        ({"kind": "formula"}, "kind"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Claim(**(VALID | change))


def test_a_scale_has_the_claims_own_seeds_or_those_asked_for():
    claim = Claim(**VALID, seeds=Scales(cpu=24))
    assert claim.at("cpu") == Scale("cpu", 24) and claim.at("full").seeds == 32 and claim.at("cpu", 8).seeds == 8
    assert [claim.at(name).pick(smoke=1, cpu=2, full=3) for name in ("smoke", "cpu", "full")] == [1, 2, 3]
    exact = dataclasses.replace(claim, seeds=Scales(0, 0, 0))
    assert exact.at("cpu").seeds == exact.at("cpu", 8).seeds == 0
    with pytest.raises(ConfigError, match="seeds = 1"):
        claim.at("cpu", 1)


def test_a_paper_says_how_it_is_known():
    assert str(Paper("Xu+ 2015: 11.20%", "R")) == "Xu+ 2015: 11.20% (recalled, not re-read)"


# --- kinds, history, examples -------------------------------------------------------------------------------------------


def test_a_claim_is_of_the_kind_that_its_parts_are(monkeypatch):
    def outcome(*parts):
        return lambda scale: Outcome(parts, "none", {}, (), Axes("x", "y"))

    for kind, parts in {"identity": (RIGHT, paper(ABOVE)), "effect": (RIGHT, ABOVE), "paper": (paper(ABOVE),)}.items():
        found = outcome(*parts)
        found.__doc__ = "Measures nothing."
        assert Claim(**(VALID | {"measure": found, "kind": kind})).measured(Scale("cpu", 2)).parts == parts
        with pytest.raises(ValueError, match=f"claim of kind '{kind}'"):
            Claim(**(VALID | {"measure": found, "kind": "effect" if kind != "effect" else "paper"})).measured(Scale("cpu", 2))
    with pytest.raises(ValueError, match="names of their own"):
        outcome(RIGHT, RIGHT)(None)


def test_a_criterion_that_was_given_up_must_be_told():
    old = digest("The interval lies above 1.")
    changed = Earlier("2026-11-28", "the bound", "a result had been seen", REFUTED, old)
    claim = Claim(**VALID)
    assert claim.unexplained([claim.criterion]) == () and claim.unexplained([old, claim.criterion]) == (old,)
    assert dataclasses.replace(claim, history=(changed,)).unexplained([old]) == ()
    with pytest.raises(ValueError, match="isoformat"):
        Earlier("yesterday", "the bound", "why")
    with pytest.raises(ValueError, match="why"):
        Earlier("2026-11-28", "the bound", " ")


def rows(data):
    return {(row.tobytes(), label) for row, label in zip(data.x, data.y, strict=True)}


def test_a_claim_that_changed_after_results_were_seen_is_judged_on_restarts_that_were_not():
    claim = Claim(**VALID)
    changed = dataclasses.replace(claim, used=2)
    seen = {seed for number in (0, 1) for seed in claim.at("cpu", replication=number).restarts}
    new = [{*changed.at("cpu", replication=number).restarts} for number in (0, 1)]
    assert not seen & new[0] and not seen & new[1] and not new[0] & new[1]
    assert changed.state != claim.state == dataclasses.replace(claim, used=0).state


@pytest.mark.parametrize("size", [None, 90, 300])
def test_what_settings_are_chosen_on_is_never_judged(size):
    pool = jt.Dataset.from_arrays(np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32), np.arange(600) % 3)
    first, again = (Scale("cpu", 16, replication=number) for number in (0, 1))
    judged, new, tuning = first.examples(pool, size), again.examples(pool, size), first.tuning_examples(pool, size)
    assert not rows(judged) & rows(tuning) and not rows(new) & rows(tuning)
    assert len(judged) == (size or 399) and len(tuning) == min(size or 201, 201)
    assert (rows(judged) == rows(new)) == (size in (None, 300))  # other examples where there are twice as many
    if size == 90:
        assert not rows(judged) & rows(new)
    for data in (judged, new, tuning):
        assert np.ptp(np.bincount(data.y)) <= 2  # classes in proportion
    seeds = [*first.restarts, *first.tuning, *again.restarts, *again.tuning]
    assert len(set(seeds)) == len(seeds) == 2 * 16 + 2 * 4


def test_groups_and_windows_of_a_text_are_not_torn_apart():
    groups = np.repeat(np.arange(60), 5)
    pool = jt.Dataset.from_arrays(np.arange(300.0)[:, None], np.arange(300) % 2, groups=groups)
    scale = Scale("cpu", 2)
    judged, tuning = scale.examples(pool), scale.tuning_examples(pool)
    assert len(set(judged.groups) & set(tuning.groups)) <= 1 and set(judged.groups) | set(tuning.groups) == set(groups)
    text = jt.load("python_topics", text=jt.Text("char", length=16))
    kept = scale.examples(text, 100)
    assert (kept.x.reshape(-1)[1:] == kept.y.reshape(-1)[:-1]).all()  # windows that follow each other


def test_a_fixed_validation_set_judges_and_does_not_tune():
    pool = jt.Dataset.from_arrays(np.arange(300.0)[:, None], np.arange(300) % 2)
    fixed = dataclasses.replace(pool, validation=jt.data.Split(np.arange(200), np.arange(200, 300)))
    judged, tuning = (getattr(Scale("cpu", 2), name)(fixed, 50) for name in ("examples", "tuning_examples"))
    assert judged.x[judged.split(0).validation].min() == 200 and len(judged.split(0).train) == 50
    assert tuning.x.max() < 200 and 0 < tuning.validation < 1


def test_restarts_that_draw_splits_of_one_pool_have_a_wider_interval():
    data = jt.load("digits").subset(100, seed=0)
    base = jt.Experiment(model=jt.MLP(widths=()), epochs=1)
    values = np.array([1.0, 2.0, 4.0, 4.0])
    own = Estimate.over(jt.fit(base, data, seeds=4, progress=False), values)
    shared = Estimate.over(jt.fit(base, data, seeds=jt.Seeds(4, split=0), progress=False), values)
    plainly = Estimate.of(values)
    assert (own.high - own.low) / (plainly.high - plainly.low) == pytest.approx(math.sqrt(1 + 4 * 20 / 80))
    assert own.scope == "new data" and shared == dataclasses.replace(plainly, scope="these examples")
