"""Optuna's samplers as strategies that are pure functions of the history, and a finished search as a study of Optuna."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxtricks as jt
from jaxtricks.config import from_json, to_json
from jaxtricks.evaluate.measure import Measure
from jaxtricks.search import (
    Budget,
    Certainty,
    Choice,
    FloatRange,
    History,
    IntRange,
    LogUniform,
    OneMinusLog,
    OptunaSearch,
    Search,
    SearchRange,
    Space,
    Strategy,
    Trial,
    fitted,
    optuna_study,
)
from jaxtricks.search.course import Course, Judged
from jaxtricks.search.export import _trial
from jaxtricks.search.history import key
from jaxtricks.search.optuna_library import counterpart
from jaxtricks.search.rules import SearchRules

optuna = pytest.importorskip("optuna")
pytest.importorskip("cmaes")

RATE, MOMENTUM = "optimizer.rule.learning_rate", "optimizer.rule.momentum"
SPACE = fitted(
    Space({RATE: "log:1e-4:1e-1", "optimizer.rule": "sgd,momentum", MOMENTUM: "1-log:0.5:0.99", "epochs": "int:log:2:40"}),
    jt.Experiment(),
)
NUMBERS = Space({"a": "0:1", "b": "log:1e-4:1", "c": "1-log:0.5:0.99"})
FEW = Space({"epochs": "int:1:3", "model.activation": "relu,tanh"})
SAMPLERS = ["TPESampler", "CmaEsSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler", "RandomSampler"]
RANGES = [FloatRange(-1, 3), LogUniform(1e-5, 0.3), OneMinusLog(0, 0.999), IntRange(1, 9), IntRange(2, 600, log=True)]
CHOICES = [Choice(("relu", None, True, 2, 0.5, (64, 32), jt.nn.GELU())), Choice((16, 32, 64))]
WITHOUT = """
import sys
class Missing:
    def find_spec(name, *rest):
        if name == {0!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing)
from jaxtricks.search import OptunaSearch, Space
"""


def loss(point):
    """Best at a rate of 0.01; all restarts diverge at a large one."""
    rate = point.get(RATE, 0.01)
    return math.inf if rate > 0.06 else abs(math.log10(rate) + 2) + 0.1 / point.get("epochs", 1)


def bowl(point):
    return (point["a"] - 0.3) ** 2 + (math.log10(point["b"]) + 2) ** 2 / 4 + 4 * (point["c"] - 0.9) ** 2


def judged(points, score=loss):
    return [Trial(point, score(point), 0.05, 4) for point in points]


def searched(strategy, history, portions, score=loss):
    """The history after points were asked for in portions, and each portion told."""
    for count in portions:
        points = strategy.ask(history, count)
        history = history.asking(points).telling(judged(points, score))
    return history


@pytest.mark.parametrize("sampler", SAMPLERS)
class TestPure:
    def test_the_same_history_gives_the_same_points(self, sampler):
        strategy = OptunaSearch(sampler=sampler)
        history = searched(strategy, History(SPACE, seed=1), [6, 6]).asking(strategy.ask(History(SPACE, seed=7), 2))
        asked = strategy.ask(history, 4)
        np.random.seed(5)  # the global generator has no part in it
        again = Space.from_json(SPACE.to_json())
        assert strategy.ask(History(again, 1, history.told, history.asked), 4) == asked
        assert OptunaSearch(sampler=sampler).ask(history, 4) == asked and strategy.ask(history, 2) == asked[:2]

    def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(self, sampler):
        strategy = OptunaSearch(sampler=sampler)
        whole = searched(strategy, History(SPACE, seed=1), [5] * 4)
        half = searched(strategy, History(SPACE, seed=1), [5] * 2)
        again = History(SPACE, 1, tuple(Trial(dict(t.point), t.score, t.error, t.seeds) for t in half.told))
        assert searched(strategy, again, [5] * 2).told == whole.told

    def test_no_point_comes_twice_and_each_is_in_its_ranges(self, sampler):
        points = searched(OptunaSearch(sampler=sampler), History(SPACE, seed=3), [8, 8, 8]).points
        units, active = SPACE.units(points)
        assert len(set(map(key, points))) == 24 and ((units >= 0) & (units <= 1)).all()
        for point, there in zip(points, active, strict=True):  # a setting without a meaning is absent, and all others are there
            assert list(point) == [path for path in SPACE.paths if path != MOMENTUM or point["optimizer.rule"] == "momentum"]
            assert there.sum() == len(point)
            assert {type(value) for value in point.values()} <= {str, float, int}

    def test_a_space_of_few_points_is_tried_whole_and_then_finished(self, sampler):
        strategy, history = OptunaSearch(sampler=sampler), History(FEW, seed=0)
        while not strategy.finished(history):
            history = searched(strategy, history, [4])
        assert sorted(map(str, map(dict, history.points))) == sorted(map(str, FEW.listed())) and strategy.ask(history, 2) == []

    def test_it_takes_the_space(self, sampler):
        OptunaSearch(sampler=sampler).check(SPACE)


def test_seeds_and_numbers_of_points_decide_what_is_drawn():
    strategy = OptunaSearch(sampler="RandomSampler")
    one, other = (strategy.ask(History(NUMBERS, seed=seed), 3) for seed in (0, 1))
    later = strategy.ask(History(NUMBERS, seed=0).asking(one), 3)
    assert len({point["a"] for point in (*one, *other, *later)}) == 9
    drawn = strategy._study(History(NUMBERS, seed=0).asking(one)).ask().suggest_float("a", 0, 1)
    assert drawn not in {point["a"] for point in one}


@pytest.mark.parametrize("sampler", ["TPESampler", "CmaEsSampler", "NSGAIISampler"])
def test_a_sampler_learns_from_the_history(sampler):
    """The last points of six batches are far better than those of random search; CMA-ES begins anew in none of them."""
    last = {}
    for name in (sampler, "RandomSampler"):
        portions = [50, 50, 50] if name == "NSGAIISampler" else [12] * 6
        told = [searched(OptunaSearch(sampler=name), History(NUMBERS, seed), portions, bowl).told for seed in range(2)]
        last[name] = np.median([trial.score for trials in told for trial in trials[-12:]])
    assert last[sampler] < (0.7 if sampler == "NSGAIISampler" else 0.25) * last["RandomSampler"]


def test_running_trials_are_known_to_the_sampler():
    """Of points beside each other one is enough: TPE takes a running trial for a bad one."""
    history = searched(OptunaSearch(), History(NUMBERS, seed=0), [12, 12], bowl)
    points = OptunaSearch().ask(history, 3)
    study = OptunaSearch()._study(history.asking(points))
    running = [trial for trial in study.trials if not trial.state.is_finished()]
    assert [trial.params["a"] for trial in running] == [point["a"] for point in points] and len(study.trials) == 27
    assert [trial.value for trial in study.trials[:24]] == [trial.score for trial in history.told]


def test_points_that_the_space_does_not_have_are_not_shown():
    own = [{"epochs": 7, "model.activation": "relu"}, {"epochs": 1, "model.activation": "gelu"}, {"epochs": 2}]
    study = OptunaSearch()._study(History(FEW, 0, tuple(judged(own))))
    assert [trial.params for trial in study.trials] == [{"epochs": 2}]
    assert OptunaSearch().ask(History(FEW, 0, tuple(judged(own))), 3)


@pytest.mark.parametrize("sampler", ["TPESampler", "CmaEsSampler"])
def test_where_all_diverged_the_search_goes_on(sampler):
    points = OptunaSearch(sampler=sampler).ask(History(SPACE, seed=0), 12)
    history = History(SPACE, 0, tuple(Trial(point, math.inf, math.nan, 4) for point in points))
    assert len(OptunaSearch(sampler=sampler).ask(history, 4)) == 4


@settings(max_examples=200)
@given(st.sampled_from([*RANGES, *CHOICES]), st.floats(0, 1))
def test_a_range_and_its_counterpart_mean_the_same(searched_range, u):
    value, found = searched_range.at(u), counterpart(searched_range, "path")
    told = found.given(value)
    assert found.distribution._contains(found.distribution.to_internal_repr(told))
    back = found.taken(told)
    assert back == (pytest.approx(value, rel=1e-12, abs=1e-15) if isinstance(value, float) else value)
    assert type(back) is type(value)


@pytest.mark.parametrize("searched_range", [*RANGES, *CHOICES], ids=str)
def test_what_a_sampler_gives_is_spread_as_the_range_says(searched_range):
    space = Space({"path": searched_range})
    study, found = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)), counterpart(searched_range, "path")
    points = [{"path": found.taken(found.suggested(study.ask()))} for _ in range(400)]
    assert np.mean(space.units(points)[0]) == pytest.approx(0.5, abs=0.06)
    assert np.std(space.units(points)[0]) == pytest.approx(12**-0.5, abs=0.03)


class Squares(SearchRange):
    """A range that Optuna has none like."""

    def at(self, u):
        return u**2

    def unit(self, value):
        return math.sqrt(value)


def test_a_range_of_ones_own_is_its_quantile():
    points = searched(OptunaSearch(), History(Space({"x": Squares()}), seed=0), [16], lambda point: point["x"]).points
    assert np.mean([point["x"] ** 0.5 for point in points]) == pytest.approx(0.5, abs=0.2)
    assert counterpart(Squares(), "x").name == "quantile of x"


class TestWords:
    def test_it_has_a_name_and_comes_back_from_json(self):
        assert Strategy("optuna") == OptunaSearch() == from_json(Strategy, to_json(OptunaSearch()))
        assert from_json(Strategy, {"kind": "optuna", "sampler": "GPSampler"}) == OptunaSearch(sampler="GPSampler")

    @pytest.mark.parametrize(
        ("sampler", "space", "sentence"),
        [
            ("TPESamplr", FEW, r"^OptunaSearch\.sampler = 'TPESamplr' is no sampler of Optuna .*did you mean 'TPESampler'\?$"),
            ("CmaEs", FEW, r"did you mean 'CmaEsSampler'\?$"),
            ("GridSampler", FEW, r"'GridSampler' is no sampler of Optuna that needs no settings; did you mean"),
            ("BruteForceSampler", NUMBERS, r"^OptunaSearch\.sampler = 'BruteForceSampler' does not take this space: Float"),
        ],
    )
    def test_a_sampler_that_is_not_there_or_does_not_take_the_space_is_one_sentence(self, sampler, space, sentence):
        with pytest.raises(jt.ConfigError, match=sentence):
            OptunaSearch(sampler=sampler).check(space)

    def test_brute_force_tries_all_of_a_space_with_conditions(self):
        space = Space({"m": "a,b", "n": "int:1:3"}, {"n": "m=b"})
        OptunaSearch(sampler="BruteForceSampler").check(space)
        assert len(searched(OptunaSearch(sampler="BruteForceSampler"), History(space, 0), [2, 2, 2]).points) == 4

    @pytest.mark.parametrize("module", ["cmaes", "torch"])
    def test_what_a_sampler_needs_and_is_not_there_is_named_before_anything_trains(self, module):
        sampler = {"cmaes": "CmaEsSampler", "torch": "GPSampler"}[module]
        code = WITHOUT.format(module) + f"OptunaSearch(sampler={sampler!r}).check(Space({{'a': '0:1'}}))"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert ended.stderr.strip().endswith(f"OptunaSearch.sampler = '{sampler}' needs {module}, which is not installed.")

    def test_without_optuna_one_sentence_says_what_installs_it(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        for act in (lambda: OptunaSearch().check(FEW), lambda: OptunaSearch().ask(History(FEW, 0), 1)):
            with pytest.raises(jt.ConfigError, match=r"^Optuna is not installed; `pip install jaxtricks\[optuna\]`"):
                act()
        assert Strategy("optuna").least == 1  # nothing is needed before it is used

    def test_nothing_imports_it_before_it_is_used(self):
        code = "import sys, jaxtricks.search; jaxtricks.search.Strategy('optuna'); sys.exit('optuna' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0

    def test_optuna_tells_as_much_as_before(self, capfd):
        optuna.logging.set_verbosity(optuna.logging.INFO)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
            searched(OptunaSearch(sampler="CmaEsSampler"), History(SPACE, seed=0), [4, 4])
            assert warnings.filters == filters
        assert not warned and capfd.readouterr().err == "" and optuna.logging.get_verbosity() == optuna.logging.INFO


def finished(metric="accuracy", diverging=()):
    """A search of made-up scores in which the learning rate decides almost all, the epochs a little and the rest nothing."""
    rules = SearchRules(
        OptunaSearch(sampler="QMCSampler"),
        Budget(40),
        3,
        10,
        Measure(jt.metrics.METRICS[metric].declared, 100),
        Certainty(),
        0,
        20,
    )
    course, generator = Course(rules, SPACE), np.random.default_rng(0)
    sign = 1 if rules.measure.metric.higher_is_better else -1
    while (batch := course.next()) is not None:
        points = (*course.points, *batch.points)
        scores = [
            0.9 - sign * 0.2 * (math.log10(points[trial][RATE]) + 2) ** 2 + 0.0005 * points[trial]["epochs"]
            for trial, _ in batch.restarts
        ]
        values = np.array(scores) + 0.01 * generator.normal(size=len(scores))
        for place, (trial, _) in enumerate(batch.restarts):
            if trial in diverging and (trial == min(diverging) or place % 3 == 0):
                values[place] = np.nan
        course = course.after(Judged(batch, values, 1.0, 0.0))
    return Search("made up", jt.Experiment(), course, 1)


@pytest.fixture(scope="module")
def found():
    return finished(diverging=(3, 5))


class TestStudy:
    def test_each_trial_has_its_settings_and_its_mean(self, found):
        study = optuna_study(found)
        assert study.direction.name == "MAXIMIZE" and study.metric_names == ["accuracy"]
        assert [trial.number for trial in study.trials] == list(range(40))
        for trial, point, values in zip(study.trials, found.course.points, found.course.values, strict=True):
            expected = {path: value for path, value in point.items() if path not in (MOMENTUM, "optimizer.rule")}
            assert {name: trial.params[name] for name in expected} == expected
            assert (f"1 - {MOMENTUM}" in trial.params) == (MOMENTUM in point)
            assert trial.user_attrs["restarts"] == len(values)
            if np.isfinite(values).all():
                assert trial.value == pytest.approx(values.mean(), rel=1e-12)
                assert trial.user_attrs["standard_error"] == pytest.approx(values.std(ddof=1) / len(values) ** 0.5)

    def test_trials_that_diverged_have_failed_or_are_as_bad_as_the_worst(self, found):
        study, values = optuna_study(found), found.course.values
        assert [trial.number for trial in study.trials if trial.state.name == "FAIL"] == [3]
        assert study.trials[3].user_attrs["diverged"] == len(values[3]) and study.trials[3].user_attrs["without_luck"] is None
        worst = min(np.nanmin(each) for each in values if np.isfinite(each).any())
        assert 0 < np.isnan(values[5]).sum() < len(values[5])
        assert study.trials[5].value == pytest.approx(np.where(np.isnan(values[5]), worst, values[5]).mean())

    def test_a_trial_without_a_restart_that_came_to_the_end_was_pruned(self, found):
        told = _trial(found.winner._replace(restarts=0), np.zeros(0), None, {})
        assert told.state.name == "PRUNED" and told.value is None and told.user_attrs["restarts"] == 0

    def test_it_says_what_the_search_knows(self, found):
        study, winner = optuna_study(found), found.winner
        known = study.trials[winner.trial].user_attrs
        assert study.user_attrs["winner"] == winner.trial and study.user_attrs["fresh"]["mean"] == found.fresh.mean
        assert study.user_attrs["data"] == "made up" and study.user_attrs["strategy"]["sampler"] == "QMCSampler"
        assert known["probability"] == found.probability and known["group"] == 1
        assert known["without_luck"] == winner.score.mean and known["interval"] == [winner.score.low, winner.score.high]

    def test_a_loss_is_minimized(self):
        study = optuna_study(finished("nll"))
        assert study.direction.name == "MINIMIZE" and study.best_value == min(trial.value for trial in study.trials) > 0

    def test_importances_find_what_decides(self, found):
        study = optuna_study(found)
        for evaluator in (optuna.importance.PedAnovaImportanceEvaluator(), optuna.importance.FanovaImportanceEvaluator(seed=0)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it is experimental
                importances = optuna.importance.get_param_importances(study, evaluator=evaluator)
            assert importances.keys() >= {RATE, "optimizer.rule", "epochs"}
            assert next(iter(importances)) == RATE and importances[RATE] > 0.5

    @pytest.mark.parametrize("kind", ["sqlite:///{}/search.db", "journal:{}/search.log"])
    def test_a_storage_keeps_it(self, found, kind, tmp_path):
        storage = kind.format(tmp_path)
        made = optuna_study(found, storage, "digits")
        opened = storage
        if storage.startswith("journal:"):
            backend = optuna.storages.journal.JournalFileBackend(storage.removeprefix("journal:"))
            opened = optuna.storages.journal.JournalStorage(backend)
        again, memory = optuna.load_study(study_name="digits", storage=opened), optuna_study(found)
        for left, right in zip(again.trials, memory.trials, strict=True):
            assert (left.params, left.value, left.state, left.user_attrs) == (
                right.params,
                right.value,
                right.state,
                right.user_attrs,
            )
            assert left.distributions == right.distributions
        assert again.user_attrs == memory.user_attrs and again.direction == made.direction
        with pytest.raises(jt.ConfigError, match=r"^name = 'digits': the storage has a study of this name; another"):
            optuna_study(found, storage, "digits")
        assert len(optuna.load_study(study_name="digits", storage=opened).trials) == 40
        optuna_study(found, storage, "another")

    def test_a_storage_that_cannot_be_used_is_one_sentence(self, found, tmp_path):
        for storage, reason in (
            (f"sqlite:///{tmp_path}/nowhere/search.db", "unable to open database file"),
            (f"journal:{tmp_path}/nowhere/search.log", "No such file or directory"),
            ("postgres", "Could not parse"),
            ("redis://localhost", "Can't load plugin"),
            ("nosuchdb://someone:secret@host/base", "Can't load plugin"),
        ):
            with pytest.raises(jt.ConfigError) as raised:
                optuna_study(found, storage)
            text = str(raised.value)
            assert text.startswith("storage = '") and reason in text and "\n" not in text and "secret" not in text
            assert text.endswith(
                "sqlite:///FILE, another database's URL, journal:FILE, a storage of Optuna's or None is allowed."
            )


def test_a_search_of_networks_by_optuna_is_the_same_again(blobs, tmp_path):
    base = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=1, batch_size=16)
    how = {"strategy": "optuna", "budget": 4, "seeds": 2, "batch": 2, "progress": False, "certainty": Certainty(fresh=2)}
    one, other = (jt.search(base, {RATE: "log:1e-4:1e-1"}, blobs, **how) for _ in range(2))
    assert one.course.points == other.course.points and len(optuna_study(one).trials) == 4
