"""The claim form: what is supported, what is refuted, and what a claim refuses to be."""

import dataclasses
import json
import math

import numpy as np
import pytest

from jaxtricks.config import ConfigError
from jaxtricks.evaluate.claim import (
    Axes,
    Claim,
    Curve,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    all_of,
    expect,
    plain,
    settle,
)
from jaxtricks.evaluate.verdict import Decision

SUPPORTED, REFUTED, INCONCLUSIVE = Ruling.SUPPORTED, Ruling.REFUTED, Ruling.INCONCLUSIVE


def measure(scale):
    """Measures nothing."""


VALID = {"rows": ("T056",), "lecture": 0, "statement": "x", "papers": (), "refuted_by": "y", "measure": measure}


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
    assert settle(Estimate((low + high) / 2, low, high), **bounds) is ruling


def test_a_verdict_is_held_against_what_was_expected():
    expected = {
        Decision.HELPS: SUPPORTED,
        Decision.HURTS: REFUTED,
        Decision.NO_DIFFERENCE: REFUTED,
        Decision.TOO_FEW_SEEDS: INCONCLUSIVE,
        Decision.INCONCLUSIVE: INCONCLUSIVE,
    }
    assert {decision: expect(decision, Decision.HELPS) for decision in Decision} == expected
    assert expect(Decision.NO_DIFFERENCE, Decision.NO_DIFFERENCE, Decision.HURTS) is SUPPORTED


@pytest.mark.parametrize(
    ("parts", "ruling"),
    [
        ((SUPPORTED, SUPPORTED), SUPPORTED),
        ((SUPPORTED, INCONCLUSIVE), INCONCLUSIVE),
        ((INCONCLUSIVE, REFUTED, SUPPORTED), REFUTED),
    ],
)
def test_a_claim_of_several_parts_falls_with_one(parts, ruling):
    assert all_of(*parts) is ruling


def test_an_estimate_is_a_mean_with_its_interval():
    estimate = Estimate.of(np.array([1.0, 2.0, 3.0], np.float32))
    half = 4.302652729911275 / math.sqrt(3)  # t with two degrees of freedom, 97.5%
    assert estimate == pytest.approx((2, 2 - half, 2 + half))
    assert f"{Estimate(-1.386, -1.4, -1.37):+.2f}" == "-1.39 [-1.40, -1.37]"


def test_a_share_has_the_exact_interval():
    share = Estimate.share(np.array([True] * 16))
    assert share.mean == share.high == 1
    assert share.low == pytest.approx(0.025 ** (1 / 16))


def test_a_curve_has_one_band_a_point():
    curve = Curve.over_seeds("a", range(2), np.array([[0.0, 1.0], [2.0, 1.0]]))
    assert curve.x == (0, 1) and curve.mean == (1, 1)
    assert curve.low[0] < 0 < 2 < curve.high[0] and curve.low[1] == curve.high[1] == 1


def test_an_outcome_is_plain_json():
    numbers = {"n": np.int64(3), "slope": Estimate(1 / 3, math.nan, 1.0), "all": np.array([0.1], np.float32), "ok": np.True_}
    curve = Curve("a", (1.0,), (2.0,), (math.nan,), (math.inf,))
    outcome = Outcome(REFUTED, "none", numbers, (curve,), Axes("x", "y", log="x")).to_json()
    assert json.loads(json.dumps(outcome, allow_nan=False)) == {
        "verdict": "refuted",
        "effect": "none",
        "numbers": {"n": 3, "slope": {"mean": 0.333333, "low": None, "high": 1.0}, "all": [0.1], "ok": True},
        "series": [{"name": "a", "x": [1.0], "mean": [2.0], "low": [None], "high": [None]}],
        "axes": {"x": "x", "y": "y", "log": "x"},
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
