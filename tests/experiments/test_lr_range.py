"""The script that judges range tests: its tasks, and its count of intervals."""

import json
import math

import pytest

from experiments.lr_range import __main__ as script
from experiments.lr_range.tasks import judged, judged_second, tuning


def found(rate: float, best: float, test: str = "a", trouble: str | None = None) -> script.Found:
    low, high = (math.nan, math.nan) if trouble else (rate / 4, rate * 4)
    return script.Found("task", test, 400, rate, low, high, best, 0.1, 0.05, 0.2, trouble)


def test_there_are_20_tasks_to_judge_on_and_none_to_tune_on_is_among_them():
    asked, chosen = judged(), tuning()
    assert len(asked) == 20 and len(chosen) == 30 and len({task.test for task in chosen}) == 16
    assert len({task.name for task in asked + chosen}) == 50
    assert not {task.test for task in asked} & {task.test for task in chosen}


def test_the_second_20_tasks_share_no_name_with_the_others():
    second, others = judged_second(), judged() + tuning()
    assert len(second) == 20 == len({task.test for task in second})
    assert not {task.test for task in second} & {task.test for task in others}


def test_intervals_that_hold_the_best_rate_are_counted():
    every = [found(0.1, 0.1), found(0.1, 0.3, "b"), found(0.1, 1.0), found(math.nan, 0.1, "c", "the loss falls at no rate")]
    report = script.summary(every)
    assert (report["inside"], report["of"], report["tests"]) == (2, 4, 3) and not report["targets"][0]["met"]
    assert report["tasks"][3]["rate"] is None and not report["tasks"][3]["holds"]
    assert report["mean_off"] == pytest.approx((math.log2(3) + math.log2(10)) / 3)
    assert script.line(every[2]).endswith("outside") and script.line(every[3]).endswith("the loss falls at no rate")


def test_the_command_prints_one_object(capsys, monkeypatch):
    monkeypatch.setattr(script, "found", lambda task, first, size: found(0.1, 0.1))
    monkeypatch.setattr(script, "set_up", lambda members: None)
    script.Command(json=True)()
    told = json.loads(capsys.readouterr().out)
    assert told["inside"] == 20 == len(told["tasks"]) and told["targets"][0]["target"] == 18
