"""The page of a search: what won with its three scores, the leaderboard, and a plot by each setting; from made-up scores."""

import csv
import json
import re

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks.evaluate.measure import Measure
from jaxtricks.report.figure import BLUE, INK, VERMILION
from jaxtricks.report.mattered import across, pair
from jaxtricks.report.search import SearchPage
from jaxtricks.report.text import units
from jaxtricks.search import Budget, Certainty, Search, Space, Strategy, fitted
from jaxtricks.search.course import Course, Judged
from jaxtricks.search.rules import SearchRules

RATE = "optimizer.rule.learning_rate"
ACCURACY = jt.metrics.METRICS["accuracy"].declared


def searched(space, lost=1.0, trials=24, metric=ACCURACY, together=0.0):
    """A search whose best rate is 0.01, but for what it makes together with dropout; rates above `lost` diverge."""
    base = jt.Experiment(optimizer=jt.Optimizer("momentum"))
    rules = SearchRules(Strategy("sobol"), Budget(trials), 4, 8, Measure(metric, 360), Certainty(), 0, 20)
    space = space if isinstance(space, Space) else Space(space)
    course, sign = Course(rules, fitted(space, base)), 1 if metric.higher_is_better else -1
    while (batch := course.next()) is not None:
        points = (*course.points, *batch.points)
        rates = np.array([points[trial].get(RATE, 0.01) for trial, _ in batch.restarts])
        noise = np.array([np.random.default_rng(seed).normal(0, 0.01) for _, seed in batch.restarts])
        dropped = np.array([points[trial].get("model.dropout", 0.4) for trial, _ in batch.restarts])
        values = 0.9 - 0.05 * np.square(np.log10(rates) + 2) + together * (dropped - 0.4) * (np.log10(rates) + 2) + noise
        course = course.after(Judged(batch, np.where(rates > lost, np.nan, sign * values), 1.0, 0.5))
    return Search("mine/own", base, course, 2)


SPACE = {RATE: "log:1e-4:1", "optimizer.rule.momentum": "1-log:0.5:0.99", "model.activation": "relu,tanh", "batch_size": "16,32"}


@pytest.fixture(scope="module")
def found():
    return searched(SPACE, lost=0.3)


def test_the_page_says_what_won_with_its_three_scores_and_draws_all_settings(found):
    page = SearchPage(found).html()
    curves = sum(each.total.value >= 0.02 for each in found.importance.effects[:4])
    assert page.count("<svg") == 2 + len(SPACE) + 2 + curves and all(path in page for path in SPACE)
    rows = re.findall(r'<td class="word">(.*?)</td><td>(.*?)</td>', page)
    winner = found.winner
    assert rows[0] == (f"measured, {winner.restarts} restarts that chose it", f"{100 * winner.measured:.2f}%")
    names = ["with that luck taken away", "on 16 fresh seeds", "P(within 0.56 points of the best tried)"]
    assert [name for name, _ in rows[1:]] == names
    for (_, shown), score in zip(rows[1:], (winner.score, found.fresh), strict=False):
        assert shown.startswith(f"{100 * score.mean:.2f}% [")
    assert "script" not in page and "http" not in page.replace("http-equiv", "")


def test_the_leaderboard_has_a_line_for_each_of_the_best_trials_and_rules_between_groups(found):
    page = SearchPage(found).html()
    table = page[page.rindex("<table>") :]
    assert table.count("<tr") == 1 + 20 and "(4 diverged)" not in table[: table.index("<th>2</th>")]
    groups = [each.group for each in found.leaderboard[:20]]
    assert table.count("class=first") == len(set(groups)) - 1


def test_the_files_hold_all_restarts_and_the_winner(found, tmp_path):
    folder = SearchPage(found).save(tmp_path / "search")
    read = json.loads((folder / "search.json").read_text())
    assert read["winner"] == found.winner.trial and read["probability"] == found.probability
    lost = next(each for each in read["trials"] if each["values"][0] is None)
    assert lost["score"] == {"mean": None, "low": None, "high": None}
    with (folder / "search.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head == ["trial", "stage", "seed", "accuracy", "until", *found.space.paths]
    assert len(rows) == sum(len(each.values) for each in found.course.judged)
    assert jt.Experiment.from_json(json.loads((folder / "config.json").read_text())) == found.best
    with pytest.raises(jt.report.FolderError):
        SearchPage(found).save(folder)
    assert SearchPage(found).name == "mine-own-search" and "srcdoc" in found._repr_html_()


@pytest.mark.parametrize(
    ("space", "metric"),
    [
        ({"epochs": "1,2"}, "accuracy"),  # two trials, all alike
        ({RATE: "log:1e-4:1"}, "nll"),
        ({"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "1-log:0.5:0.99"}, "accuracy"),  # a setting of some points
    ],
)
def test_all_kinds_of_searches_have_a_page(space, metric):
    found = searched(space, metric=jt.metrics.METRICS[metric].declared)
    page = SearchPage(found).html()
    wanted = 2 + len(space) + (len(space) > 1)
    assert page.count("<svg") >= wanted and "nan" not in page.replace("nance", "") and str(found)
    assert ("This cannot be told" in page) == (not found.importance.effects)


def test_the_same_search_gives_the_same_bytes(found):
    assert SearchPage(found).html() == SearchPage(searched(SPACE, lost=0.3)).html()


def test_what_mattered_is_drawn_with_an_answer_below_each_plot(found):
    page = SearchPage(found).html()
    part = page[page.index("<h2>What mattered</h2>") : page.index("<h2>By setting</h2>")]
    first = found.importance.effects[0]
    assert first.path == RATE and f"{RATE} {first.total}" in part and "a model predicts" in part
    for question in (
        "Which settings mattered?",
        "What does each value give?",
        "Hardly.",
        "Which values do good trials have in common?",
    ):
        assert part.count(question) == 1


def test_a_pair_that_acts_together_has_tiles_of_which_the_best_is_marked():
    found = searched({RATE: "log:1e-3:1e-1", "model.dropout": "0:0.8"}, together=0.3)
    surface = found.importance.surfaces[0]
    tiles = str(pair(found, surface, units(found.metric, [])))
    assert tiles.count(f"fill: {BLUE}") == surface.mean.size == 81 and tiles.count(f"stroke: {VERMILION}") >= 1
    assert SearchPage(found).html().count("the ring marks the best") == 1


def test_every_trial_has_a_line_the_winner_a_bold_one_and_gaps_where_a_setting_has_no_meaning():
    space = {"optimizer.rule": "sgd,momentum", "optimizer.rule.momentum": "1-log:0.5:0.99", RATE: "log:1e-4:1"}
    found = searched(Space(space, {"optimizer.rule.momentum": "optimizer.rule=momentum"}), lost=0.3)
    drawn = str(across(found, units(found.metric, [])))
    lines = re.findall(rf'<path d="([^"]+)"[^>]*stroke: (?:{BLUE}|{VERMILION}|{INK}); stroke-opacity', drawn)
    without = sum("optimizer.rule.momentum" not in point for point in found.course.points)
    assert sum(line.count("M") for line in lines) == len(found.course.points) + without > len(found.course.points)
    assert drawn.count("stroke-width: 2.6") == 1 and "nan" not in drawn
