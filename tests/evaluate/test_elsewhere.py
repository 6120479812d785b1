"""Values from elsewhere are judged by the same rules, and what cannot be paired is refused in a sentence."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import jaxtricks as jt
from jaxtricks import statistics
from jaxtricks.evaluate.design import OwnSplits
from jaxtricks.evaluate.measure import Comparison, Measure
from jaxtricks.evaluate.verdict import judge_family
from jaxtricks.objectives.metrics import METRICS

BASE = {"seed": list(range(8)), "value": [0.90, 0.91, 0.89, 0.92, 0.90, 0.91, 0.93, 0.90]}
CHANGE = {"seed": list(range(8))[::-1], "value": [0.92, 0.94, 0.93, 0.91, 0.94, 0.91, 0.93, 0.92]}
HOW = {"higher_is_better": True, "metric": "accuracy", "unit": "points"}


def by_hand(share, groups=None):
    """The verdict on the same values as a comparison of runs would have them."""
    change = np.array(CHANGE["value"])[::-1]
    design = OwnSplits(np.arange(8) if groups is None else groups, share / (1 - share))
    names = tuple(f"seed {seed}" for seed in range(8))
    comparison = Comparison("change", np.array(BASE["value"]), change, names, design=design)
    return judge_family([comparison], Measure(METRICS["accuracy"].declared))[0]


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame], ids=["dict", "pandas", "polars"])
def test_frames_are_judged_as_runs_are(frame):
    verdict = jt.judge(frame(BASE), frame(CHANGE), share=0.2, **HOW)
    assert verdict == by_hand(0.2)
    assert verdict.difference == pytest.approx(np.mean(CHANGE["value"]) - np.mean(BASE["value"]))


def test_a_share_widens_the_interval_on_new_data_by_nadeau_and_bengios_factor():
    verdict = jt.judge(BASE, CHANGE, share=0.2, **HOW)
    new, these = (verdict.on(scope) for scope in ("new data", "these examples"))
    assert new.error == pytest.approx(these.error * (1 + 8 * 0.25) ** 0.5)
    alone = jt.judge(BASE, CHANGE, **HOW)
    assert [finding.scope for finding in alone.findings] == ["these examples"] and "share" in alone.why_not


def test_splits_that_seeds_share_are_told():
    split = list("aabbccdd")
    verdict = jt.judge(BASE | {"split": split}, CHANGE | {"split": split[::-1]}, share=0.2, **HOW)
    d = np.array(CHANGE["value"])[::-1] - np.array(BASE["value"])
    assert verdict.headline.error == pytest.approx(statistics.nested(d, np.array(split), 0.25).error)
    assert verdict.splits == (0, 0, 1, 1, 2, 2, 3, 3)
    with pytest.raises(jt.DataError, match=r"^change: seed 0 has another split than in baseline; values are "):
        jt.judge(BASE | {"split": split}, CHANGE | {"split": split}, **HOW)


def test_all_pairs_of_a_leaderboard_are_corrected_together():
    arms = {"a": 0.0, "b": 0.05, "c": 0.051}
    draw = np.random.default_rng(0)
    table = {
        "name": [name for name in arms for _ in range(8)],
        "seed": [*range(8)] * 3,
        "value": [x + d + 0.002 * draw.normal() for d in arms.values() for x in BASE["value"]],
    }
    verdicts = jt.evaluate.judge_pairs(pd.DataFrame(table), **HOW)
    assert [verdict.label for verdict in verdicts] == ["b against a", "c against a", "c against b"]
    assert [verdict.decision.value for verdict in verdicts] == ["helps", "helps", "no difference"]
    assert [v.corrected_p for v in verdicts] == statistics.holm(np.array([v.p for v in verdicts])).tolist()
    with pytest.raises(jt.DataError, match=r"^results: the column name has 'a' alone; two names or more are allowed\.$"):
        jt.evaluate.judge_pairs({"name": ["a", "a"], "seed": [0, 1], "value": [1.0, 2.0]}, higher_is_better=True)


@pytest.mark.parametrize(
    ("change", "how", "message"),
    [
        ({"seed": range(7), "value": range(7)}, {}, r"change has no seed 7, which baseline has; values are paired by seed\."),
        ({"seed": range(9), "value": range(9)}, {}, r"baseline has no seed 8, which change has; values are paired by seed\."),
        ({"seed": [1, 1], "value": [1, 2]}, {}, r"change: seed 1 is there 2 times; each seed once is allowed\."),
        ({"seed": [1], "value": [1]}, {}, r"change: it has 1 seed, which says nothing of luck; two or more are allowed\."),
        ({"seed": [1, 2], "value": ["0.5", "x"]}, {}, r"change: the value of seed 2 is 'x'; a finite number is allowed\."),
        ({"seed": [1, 2], "value": [1, None]}, {}, r"change: the value of seed 2 is None; a finite number is allowed\."),
        ({"seeds": [1, 2], "value": [1, 2]}, {}, r"change: the table has no column 'seed'; did you mean 'seeds'\?"),
        (7, {}, r"frame: 7 is no table; a frame of pandas, polars, Arrow or DuckDB is allowed\."),
        (CHANGE, {"share": 1.0}, r"share = 1\.0 is not a share between 0 and 1, or None where it is not known\."),
        (CHANGE, {"margin": -1.0}, r"margin = -1\.0 is not a number >= 0, .*"),
        (CHANGE, {"higher_is_better": "yes"}, r"higher_is_better = 'yes' is not True or False\."),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(change, how, message):
    with pytest.raises((jt.DataError, jt.ConfigError), match=rf"^{message}$"):
        jt.judge(BASE, change, **(HOW | how))
