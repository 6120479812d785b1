"""Every branch of a verdict, what it prints, and that it survives JSON."""

import json
import math

import numpy as np
import pytest

from jaxtricks import statistics
from jaxtricks.config import ConfigError
from jaxtricks.evaluate.finding import Decision, ScopedFinding, decide, fewest_seeds
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import PairedArms, Verdict, judge, judge_family
from jaxtricks.objectives.metric import Declaration
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.statistics import Interval

ACCURATE = METRICS["accuracy"].declared
ACCURACY = Measure(ACCURATE, 1_000)  # margin 0.005
LOSS = Measure(METRICS["nll"].declared)
NONE = Interval(math.nan, math.nan)


def compare(d, label="dropout=0.5", baseline=0.5, collapsed=()):
    """A comparison with these differences."""
    base = np.full(len(d), baseline)
    return Comparison(label, base, base + np.array(d, float), tuple(f"seed {i}" for i in range(len(d))), collapsed)


def spaced(mean, sd, n):
    """Symmetric differences with this very mean and standard deviation."""
    x = np.linspace(-1, 1, n)
    return mean + sd * x / x.std(ddof=1)


@pytest.mark.parametrize(
    ("interval", "p", "enough", "decision"),
    [
        # 1. Inside the margin, whatever p, however few the seeds, and up to the margin itself.
        (Interval(-0.001, 0.002), 0.9, True, Decision.NO_DIFFERENCE),
        (Interval(0.001, 0.002), 1e-4, True, Decision.NO_DIFFERENCE),
        (Interval(-0.002, -0.001), 1e-4, True, Decision.NO_DIFFERENCE),
        (Interval(-0.005, 0.005), 1.0, False, Decision.NO_DIFFERENCE),
        # 2. Both conditions, and the direction.
        (Interval(0.001, 0.0051), 0.049, True, Decision.HELPS),
        (Interval(-0.0051, -0.001), 0.049, True, Decision.HURTS),
        (Interval(0.006, 0.009), 0.05, True, Decision.INCONCLUSIVE),
        (Interval(0.0, 0.009), 0.01, True, Decision.INCONCLUSIVE),
        (Interval(-0.001, 0.009), 0.01, True, Decision.INCONCLUSIVE),
        # 3. and 4. Whether a small p was possible.
        (Interval(-0.1, 0.1), 0.5, False, Decision.TOO_FEW_SEEDS),
        (Interval(-0.1, 0.1), 0.5, True, Decision.INCONCLUSIVE),
        (Interval(0.1, 0.2), 0.0625, False, Decision.TOO_FEW_SEEDS),
        (NONE, 1.0, False, Decision.TOO_FEW_SEEDS),
    ],
)
def test_the_decision_table(interval, p, enough, decision):
    assert decide(interval, p, margin=0.005, enough=enough) is decision


@pytest.mark.parametrize(("seeds", "comparisons"), [(6, 1), (8, 5), (10, 20)])
def test_so_many_draws_are_the_fewest_that_can_give_a_small_p(seeds, comparisons):
    assert fewest_seeds(comparisons) == seeds
    assert statistics.smallest_p(seeds) * comparisons < 0.05 <= statistics.smallest_p(seeds - 1) * comparisons


@pytest.mark.parametrize("interval", [Interval(0.01, 0.02), Interval(-0.02, -0.01), Interval(-1, 1), Interval(0, 0)])
def test_the_metrics_direction_swaps_helps_and_hurts_and_nothing_else(interval):
    swap = {Decision.HELPS: Decision.HURTS, Decision.HURTS: Decision.HELPS}
    up, down = (decide(interval, 0.001, margin=0.005, higher_is_better=better) for better in (True, False))
    assert down is swap.get(up, up)


@pytest.mark.parametrize(
    ("d", "decision"),
    [
        (spaced(0.001, 0.001, 16), Decision.NO_DIFFERENCE),
        (spaced(0.02, 0.01, 16), Decision.HELPS),
        (spaced(-0.02, 0.01, 16), Decision.HURTS),
        (spaced(0.02, 0.01, 5), Decision.TOO_FEW_SEEDS),
        (spaced(0.02, 0.01, 6), Decision.HELPS),
        (spaced(0.004, 0.02, 16), Decision.INCONCLUSIVE),
        (spaced(0.02, 0.01, 40), Decision.HELPS),
    ],
)
def test_differences_lead_to_decisions(d, decision):
    assert judge(compare(d), ACCURACY).decision is decision


def test_a_verdict_reports_what_it_rests_on():
    d = np.array([0.01, 0.03, -0.01, 0.02, 0.03, 0.05, 0.01, 0.0])
    verdict = judge(compare(d, collapsed=("change seed 2",)), ACCURACY)
    assert (verdict.label, verdict.metric, verdict.seeds, verdict.comparisons) == ("dropout=0.5", "accuracy", 8, 1)
    assert verdict.baseline_mean == 0.5
    assert verdict.change_mean == pytest.approx(0.5 + d.mean())
    assert verdict.difference == pytest.approx(d.mean())
    assert verdict.median_difference == pytest.approx(0.015)
    assert verdict.interval == pytest.approx(statistics.t_interval(d))
    assert verdict.p == verdict.corrected_p == max(statistics.sign_flip_p(d), statistics.over_restarts(d).p)
    assert verdict.margin == 0.005
    assert verdict.collapsed == ("change seed 2",)


@pytest.mark.parametrize("n", [2, 16, 32, 50])
@pytest.mark.parametrize("measure", [ACCURACY, LOSS])
@pytest.mark.parametrize("baseline", [0.0, 0.9])
def test_identical_arms_make_no_difference(n, measure, baseline):
    verdict = judge(compare(np.zeros(n), baseline=baseline), measure)
    assert verdict.decision is Decision.NO_DIFFERENCE
    assert (verdict.difference, verdict.p, verdict.interval) == (0, 1, (0, 0))


def test_no_difference_comes_before_significance():
    verdict = judge(compare(spaced(0.002, 0.001, 16)), ACCURACY)
    assert verdict.interval.low > 0
    assert verdict.p < 0.001
    assert verdict.decision is Decision.NO_DIFFERENCE


def test_one_seed_is_too_few_even_where_the_arms_are_equal():
    for d in ([0.3], [0.0]):
        verdict = judge(compare(d), ACCURACY)
        assert verdict.decision is Decision.TOO_FEW_SEEDS
        assert math.isnan(verdict.interval.low)
        assert (verdict.p, verdict.seeds_needed) == (1, 6)


def test_the_same_differences_help_accuracy_and_hurt_a_loss():
    d = spaced(0.02, 0.01, 16)
    assert judge(compare(d), ACCURACY).decision is judge(compare(-d), LOSS).decision is Decision.HELPS
    assert judge(compare(-d), ACCURACY).decision is judge(compare(d), LOSS).decision is Decision.HURTS


def test_a_family_is_corrected_by_holm_and_a_verdict_can_be_lost_to_it():
    small = spaced(0.011, 0.02, 16)
    family = [compare(small, "small"), compare(spaced(0.05, 0.01, 16), "large")]
    family += [compare(spaced(0.0, 0.02, 16), f"none {i}") for i in range(3)]
    verdicts = judge_family(family, ACCURACY)
    assert [verdict.label for verdict in verdicts] == [comparison.label for comparison in family]
    assert [v.corrected_p for v in verdicts] == statistics.holm(np.array([v.p for v in verdicts])).tolist()
    assert judge(family[0], ACCURACY).decision is Decision.HELPS
    assert verdicts[0].decision is Decision.INCONCLUSIVE
    assert verdicts[1].decision is Decision.HELPS
    assert {verdict.comparisons for verdict in verdicts} == {5}
    assert judge_family((), ACCURACY) == ()


@pytest.mark.parametrize(("comparisons", "fewest"), [(1, 6), (5, 8), (20, 10)])
def test_a_family_needs_more_seeds_to_find_anything(comparisons, fewest):
    def verdicts(n):
        return judge_family([compare(spaced(0.1, 0.01, n), str(i)) for i in range(comparisons)], ACCURACY)

    assert {verdict.decision for verdict in verdicts(fewest)} == {Decision.HELPS}
    assert {verdict.decision for verdict in verdicts(fewest - 1)} == {Decision.TOO_FEW_SEEDS}
    assert {verdict.seeds_needed for verdict in verdicts(fewest - 1)} == {fewest}


def test_the_margin_of_an_accuracy_is_half_a_point_or_two_examples():
    base = np.array([0.9, 0.8])
    assert Measure(ACCURATE, 10_000).margin_for(base) == 0.005
    assert Measure(ACCURATE, 400).margin_for(base) == 0.005
    assert Measure(ACCURATE, 100).margin_for(base) == 0.02
    assert Measure(ACCURATE, 100, margin=0.001).margin_for(base) == 0.001


def test_the_margin_of_a_loss_is_half_a_percent_of_the_baseline():
    assert LOSS.margin_for(np.array([1.0, 3.0])) == pytest.approx(0.01)
    assert Measure(Declaration("elbo", False, "nats", False)).margin_for(np.array([-2.0])) == pytest.approx(0.01)
    assert Measure(METRICS["ece"].declared, margin=0.002).margin_for(np.array([1.0])) == 0.002


@pytest.mark.parametrize("bad", [{"examples": 0}, {"margin": -0.1}, {"margin": math.nan}, {"margin": math.inf}])
def test_a_measure_refuses_a_margin_that_is_none(bad):
    with pytest.raises(ValueError, match="accuracy"):
        Measure(ACCURATE, **bad)


def test_an_inconclusive_verdict_says_how_many_seeds_it_would_take():
    d = spaced(0.004, 0.02, 16)
    verdict = judge(compare(d), ACCURACY)
    assert verdict.seeds_needed == statistics.seeds_needed(statistics.over_restarts(d), margin=0.005) > 16
    assert judge(compare(spaced(0.02, 0.01, 16)), ACCURACY).seeds_needed is None


@pytest.mark.parametrize(
    ("arrays", "members", "message"),
    [
        (([0.1, math.nan], [0.1, 0.2]), ("seed 0", "seed 7"), r"baseline values that are not finite at seed 7:"),
        (([0.1, 0.2], [math.inf, 0.2]), ("seed 3", "seed 7"), r"change values that are not finite at seed 3:"),
        (([0.1], [0.1]), ("seed 0", "seed 1"), "one baseline value a member"),
        (([], []), (), "at least one member"),
        (([0.1, 0.2], [0.1, 0.2]), ("seed 4", "seed 4"), "twice"),
    ],
)
def test_a_comparison_that_cannot_be_paired_is_refused_in_one_sentence(arrays, members, message):
    baseline, change = (np.array(values, float) for values in arrays)
    with pytest.raises(ValueError, match=message) as error:
        Comparison("zoneout", baseline, change, members)
    assert "'zoneout'" in str(error.value)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_arms_of_different_lengths_are_refused():
    # By jaxtyping's TypeError where shapes are checked as the tests run.
    with pytest.raises((ValueError, TypeError), match=r"one change value a member|Type-check"):
        Comparison("zoneout", np.array([0.1, 0.2]), np.array([0.1]), ("seed 0", "seed 1"))


def test_float32_metrics_are_compared_in_float64():
    comparison = Comparison("x", np.array([0.9], np.float32), np.array([0.8], np.float32), ("seed 0",))
    assert comparison.differences.dtype == np.float64


def verdict_with(**fields):
    """A verdict on new data and on these examples; fields of the headline may be given too."""
    headline = {
        "scope": "new data",
        "decision": Decision.HELPS,
        "interval": Interval(0.005, 0.011),
        "p": 0.0004,
        "corrected_p": 0.0004,
        "error": 0.0015,
        "freedom": 40.0,
        "detectable": 0.0043,
    }
    own = {name: fields.pop(name) for name in list(fields) if name in ScopedFinding.__dataclass_fields__}
    first = ScopedFinding(**(headline | own))
    other = ScopedFinding(**(headline | {"scope": "these examples", "interval": Interval(0.006, 0.01), "corrected_p": 0.0002}))
    seeds = fields.pop("seeds", 32)
    return Verdict(
        **{
            "label": "dropout=0.5",
            "metric": "accuracy",
            "unit": "points",
            "higher_is_better": True,
            "baseline_mean": 0.9,
            "change_mean": 0.908,
            "difference": 0.008,
            "median_difference": 0.008,
            "margin": 0.005,
            "comparisons": 1,
            "findings": (first, other),
            "members": tuple(f"seed {seed}" for seed in range(seeds)),
            "baseline": (0.9,) * seeds,
            "change": (0.908,) * seeds,
            "pairing": {"all": PairedArms(0.5, 12.0)},
        }
        | fields
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "dropout=0.5 helps on new data: +0.8 points [0.5, 1.1], p=0.0004, 32 paired seeds"),
        ({"label": ""}, "helps on new data: +0.8 points [0.5, 1.1], p=0.0004, 32 paired seeds"),
        (
            {"corrected_p": 0.0012, "comparisons": 3},
            "dropout=0.5 helps on new data: +0.8 points [0.5, 1.1], p=0.0012 (Holm over 3), 32 paired seeds",
        ),
        (
            {"interval": Interval(0.0004, 0.0156)},
            "dropout=0.5 helps on new data: +0.80 points [0.04, 1.56], p=0.0004, 32 paired seeds",
        ),
        (
            {
                "metric": "nll",
                "unit": "nll",
                "decision": Decision.HURTS,
                "difference": 0.0123,
                "interval": Interval(0.004, 0.0206),
            },
            "dropout=0.5 hurts on new data: +0.012 nll [0.004, 0.021], p=0.0004, 32 paired seeds",
        ),
        (
            {
                "decision": Decision.NO_DIFFERENCE,
                "difference": -0.0,
                "interval": Interval(-0.0, 0.0),
                "corrected_p": 1.0,
            },
            "dropout=0.5 no difference on new data: +0.0 points [0.0, 0.0] inside ±0.5, p=1, 32 paired seeds",
        ),
        (
            {"decision": Decision.TOO_FEW_SEEDS, "interval": NONE, "corrected_p": 1.0, "seeds": 1, "seeds_needed": 6},
            "dropout=0.5 too few seeds on new data: +0.8 points, p=1, 1 paired seed, at least 6 seeds needed",
        ),
        (
            {
                "decision": Decision.INCONCLUSIVE,
                "interval": Interval(-0.002, 0.018),
                "corrected_p": 0.11,
                "seeds_needed": 1234,
            },
            "dropout=0.5 inconclusive on new data: +0.8 points [-0.2, 1.8], p=0.11, 32 paired seeds, about 1,234 seeds needed",
        ),
        (
            {"decision": Decision.INCONCLUSIVE, "interval": Interval(-0.002, 0.018), "corrected_p": 0.11},
            "dropout=0.5 inconclusive on new data: +0.8 points [-0.2, 1.8], p=0.11, 32 paired seeds, "
            "more than 10,000 seeds needed",
        ),
        (
            {
                "decision": Decision.INCONCLUSIVE,
                "interval": Interval(-0.002, 0.018),
                "corrected_p": 0.11,
                "examples_needed": 3200,
            },
            "dropout=0.5 inconclusive on new data: +0.8 points [-0.2, 1.8], p=0.11, 32 paired seeds, "
            "more seeds will not help: about 3,200 examples needed",
        ),
        (
            {
                "decision": Decision.INCONCLUSIVE,
                "interval": Interval(-0.002, 0.018),
                "corrected_p": 0.11,
                "examples_needed": 3200,
                "seeds_too": True,
            },
            "dropout=0.5 inconclusive on new data: +0.8 points [-0.2, 1.8], p=0.11, 32 paired seeds, "
            "more seeds alone will not help: about 3,200 examples and more seeds needed",
        ),
        (
            {"collapsed": ("baseline seed 4", "change seed 9")},
            "dropout=0.5 helps on new data: +0.8 points [0.5, 1.1], p=0.0004, 32 paired seeds, "
            "collapsed: baseline seed 4, change seed 9",
        ),
    ],
)
def test_a_verdict_prints_its_headline_and_the_other_scope(fields, line):
    first, second = str(verdict_with(**fields)).splitlines()
    assert first == line
    assert second.startswith("  on these examples: helps, [0.") and second.endswith("], p=0.0002")


def test_a_finding_is_asked_for_by_its_scope():
    verdict = verdict_with()
    assert [verdict.on(finding.scope) for finding in verdict.findings] == list(verdict.findings)
    (alone,) = judge_family([compare(np.zeros(8))], ACCURACY)
    with pytest.raises(
        ConfigError, match=r"^scope = 'new data' has no finding .*, since nothing is known .*; 'these examples' is"
    ):
        alone.on("new data")


def test_a_constant_difference_prints_without_rounding_noise():
    nearly_a_point = Interval(0.02, np.nextafter(0.02, 1))
    assert "+2.0 points [2.0, 2.0]," in str(verdict_with(difference=0.02, interval=nearly_a_point))


@pytest.mark.parametrize("d", [[0.3], np.zeros(4), spaced(0.02, 0.01, 16), spaced(0.004, 0.02, 16)])
def test_a_verdict_survives_strict_json(d):
    verdict = judge(compare(d, collapsed=("change seed 0",)), ACCURACY)
    again = Verdict.from_dict(json.loads(json.dumps(verdict.to_dict(), allow_nan=False)))
    assert again == verdict
    assert str(again) == str(verdict)
    assert [type(finding.interval) for finding in again.findings] == [Interval] * len(again.findings)
    assert (again.members, again.baseline, again.change) == (verdict.members, verdict.baseline, verdict.change)
    redone = Comparison(again.label, np.array(again.baseline), np.array(again.change), again.members, again.collapsed)
    assert judge(redone, ACCURACY) == verdict  # anybody can judge again
    assert type(again.decision) is Decision


def test_a_record_that_is_no_verdict_is_refused():
    record = verdict_with().to_dict()
    with pytest.raises(ValueError):
        Verdict.from_dict(record | {"findings": [record["findings"][0] | {"decision": "probably"}]})
    with pytest.raises(TypeError):
        Verdict.from_dict(record | {"mood": "good"})
