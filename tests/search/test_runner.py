"""Whole searches: programs that are compiled once, restarts that are those of `fit`, nothing lost, and what is refused."""

import collections
import json
import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.engine import preemption
from jaxtricks.search import Certainty, Space, runner
from jaxtricks.search.course import Stage
from jaxtricks.search.journal import JOURNAL
from jaxtricks.train.members import metric_of

RATE = "optimizer.rule.learning_rate"
BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=2)
SPACE = {RATE: "log:1e-3:1", "model.activation": "relu,tanh"}
ONE = jt.Layout(runs=1)
FEW = {
    "strategy": "random",
    "budget": 6,
    "seeds": 2,
    "batch": 4,
    "certainty": Certainty(fresh=4),
    "layout": ONE,
    "progress": False,
}
# A search as a process of its own makes it, on one device.
SCRIPT = f"""
import sys, numpy as np, jaxtricks as jt
y, draw = np.repeat(np.arange(3), 20), np.random.default_rng(0)
blobs = jt.Dataset.from_arrays(2 * draw.normal(size=(3, 5))[y] + draw.normal(size=(60, 5)) + 5, y, name="blobs")
base = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=2)
found = jt.search(base, {SPACE}, blobs, strategy="random", budget=12, seeds=2, batch=2, folder=sys.argv[1])
"""


@pytest.fixture(scope="module")
def found(blobs):
    return jt.search(BASE, SPACE, blobs, **FEW)


def known(search):
    """All that a search knows but for how long it took."""
    return {name: value for name, value in search.to_dict().items() if name not in ("seconds", "compiling")}


class TestPrograms:
    def test_each_structure_is_compiled_once_for_all_batches_and_stages(self, blobs, compiled):
        found = jt.search(BASE, SPACE, blobs, **FEW | {"budget": 8, "certainty": Certainty(asked=0.9999, fresh=4), "margin": 0.0})
        stages = [each.batch.stage for each in found.course.judged]
        assert stages[:2] == [Stage.EXPLORING] * 2 and Stage.RACING in stages and stages[-1] is Stage.CONFIRMING
        assert collections.Counter(compiled)["jit(advance)"] == found.programs == 2

    def test_other_floats_and_seeds_compile_nothing(self, blobs, compiled):
        options = {"size": 4, "layout": ONE, "checkpoints": None}
        metric_of([(BASE, 0), (BASE, 1), (BASE, 2)], blobs, "nll", **options)
        compiled.clear()
        faster = BASE.replace({RATE: 0.1})
        metric_of([(faster, 7), (BASE, 9), (BASE, 8), (faster, 5), (BASE, 3), (BASE, 11)], blobs, "nll", **options)
        assert not compiled

    def test_a_restart_is_that_of_fit_and_repeats_are_dropped(self, blobs, float64):
        other = BASE.replace({RATE: 0.1})
        wide = BASE.replace({"model.widths": (6,)})
        members = [(BASE, 3), (wide, 5), (other, 4), (BASE, 9), (wide, 0)]
        with float64():
            many = metric_of(members, blobs, "nll", size=2, layout=ONE, checkpoints=None)
            alone = [
                jt.fit(each, blobs, seeds=(seed,), layout=ONE, progress=False).metrics["nll"].item() for each, seed in members
            ]
        np.testing.assert_allclose(many, alone, rtol=1e-10)

    def test_a_restart_that_diverges_is_nan(self, blobs):
        far = BASE.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)})
        found = metric_of([(far, 0), (far.replace({RATE: 0.01}), 1)], blobs, "nll", size=2, layout=ONE, checkpoints=None)
        assert np.isnan(found[0]) and np.isfinite(found[1])

    def test_a_fixed_split_will_do(self, blobs):
        fixed = jt.Dataset.from_arrays(blobs.x, blobs.y, validation=(blobs.x[:9], blobs.y[:9]), name="fixed")
        assert metric_of([(BASE, 0), (BASE, 1)], fixed, "nll", size=2, layout=ONE, checkpoints=None).shape == (2,)

    @pytest.mark.parametrize(("space", "together"), [({RATE: "log:1e-3:1"}, 16), (SPACE, 4), ({"batch_size": "int:1:40"}, 1)])
    def test_repeats_add_at_most_half_as_much(self, space, together):
        assert runner._together(jt.search.fitted(Space(space), BASE), BASE, 16) == together


class TestFound:
    def test_it_says_what_won_and_how_sure_that_is(self, found):
        winner, said = found.winner, str(found)
        assert found.best == BASE.replace(winner.point) and 0 < found.probability <= 1
        assert winner.score.low <= winner.score.mean <= winner.score.high and len(found.fresh.values) == 4
        assert said.startswith("the best of 6 trials: optimizer.rule.learning_rate=") and "4 fresh seeds" in said
        assert [each.group for each in found.leaderboard] == sorted(each.group for each in found.leaderboard)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["winner"] == winner.trial
        assert found.frame().num_rows == sum(len(each.values) for each in found.course.judged)

    def test_its_metric_may_be_one_to_be_small_or_your_own(self, blobs):
        by_loss = jt.search(BASE, {RATE: "log:1e-3:1"}, blobs, **FEW, metric="nll")
        scores = [each.score.mean for each in by_loss.leaderboard if each.group == 0]
        assert not by_loss.metric.higher_is_better and by_loss.winner.score.mean == min(scores)
        assert jt.search(BASE, {RATE: "log:1e-3:1"}, blobs, **FEW, metric="macro_f1").metric.name == "macro_f1"

    def test_a_winner_at_the_end_of_its_range_is_an_alarm(self, blobs):
        """A rate far too small in all of the range: the largest is the best."""
        options = FEW | {"strategy": "grid", "metric": "nll", "seeds": 4}
        found = jt.search(BASE, {RATE: "log:1e-6:1e-1"}, blobs, **options)
        assert len(found.alarms) == 1 and "lies at the high end of log:1e-06:0.1" in found.alarms[0]


def test_cut_within_a_batch_it_goes_on_from_checkpoints_to_the_same_bits(blobs, tmp_path, monkeypatch):
    members, options = [(BASE, 0), (BASE, 1), (BASE.replace({RATE: 0.1}), 2)], {"size": 2, "layout": ONE}
    whole, keep = metric_of(members, blobs, "nll", **options, checkpoints=None), jt.Checkpoints(tmp_path, newest=1)
    with monkeypatch.context() as patch:
        patch.setattr(preemption, "asked", lambda: True)
        with pytest.raises(preemption.Preempted):
            metric_of(members, blobs, "nll", **options, checkpoints=keep)
    assert [path.name for path in tmp_path.glob("cohort-0/0*")] == ["000001"]
    np.testing.assert_array_equal(metric_of(members, blobs, "nll", **options, checkpoints=keep), whole)


class Cut(Exception):
    """The process ends here."""


class TestResumed:
    def test_cut_after_any_batch_it_comes_to_the_same(self, blobs, found, tmp_path, monkeypatch):
        train = runner.metric_of
        for batches in range(len(found.course.judged)):
            left = iter(range(batches))

            def some(*args, left=left, **options):
                if next(left, None) is None:
                    raise Cut
                return train(*args, **options)

            folder = tmp_path / str(batches)
            with monkeypatch.context() as patch:
                patch.setattr(runner, "metric_of", some)
                with pytest.raises(Cut):
                    jt.search(BASE, SPACE, blobs, **FEW, folder=folder)
            assert len((folder / JOURNAL).read_text().splitlines()) == 1 + batches
            assert known(jt.search(BASE, SPACE, blobs, **FEW, folder=folder)) == known(found)

    def test_asked_to_end_it_does_so_after_the_batch(self, blobs, found, tmp_path, monkeypatch):
        train, trained = runner.metric_of, []
        with monkeypatch.context() as patch:
            patch.setattr(runner, "metric_of", lambda *args, **options: trained.append(train(*args, **options)) or trained[-1])
            patch.setattr(preemption, "asked", lambda: len(trained) == 1)
            with pytest.raises(preemption.Preempted, match=r"^ended by SIGTERM after 1 batches\.$"):
                jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)
        assert len(trained) == 1 and known(jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)) == known(found)

    def test_a_finished_search_is_read_and_not_trained(self, blobs, found, tmp_path, monkeypatch):
        jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)
        monkeypatch.setattr(runner, "metric_of", None)
        assert known(jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)) == known(found)
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]

    def test_the_folder_of_another_search_is_refused(self, blobs, found, tmp_path, compiled):
        jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)
        compiled.clear()
        for change, says in (
            ({"seeds": 3}, "here seeds = 3 in place of 2"),
            ({"budget": 7}, "here budget.trials = 7 in place of 6"),
        ):
            with pytest.raises(jt.CheckpointError, match=rf"holds another search: {says}; name another folder\.$"):
                jt.search(BASE, SPACE, blobs, **FEW | change, folder=tmp_path)
        assert not compiled

    @pytest.mark.timeout(600)
    def test_killed_at_once_it_goes_on_to_the_same_bits(self, tmp_path):
        def start(folder):
            words = [sys.executable, "-c", SCRIPT, str(folder)]
            kept = {"JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir}
            kept["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
            return subprocess.Popen(words, env=os.environ | kept, stderr=subprocess.DEVNULL)

        journal, killed = tmp_path / "broken" / JOURNAL, start(tmp_path / "broken")
        while killed.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 3):
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        before = journal.read_text().splitlines()
        assert len(before) >= 3
        for folder in ("broken", "whole"):
            assert start(tmp_path / folder).wait() == 0
        broken, whole = (
            [json.loads(line) | {"seconds": 0, "compiling": 0} for line in (tmp_path / folder / JOURNAL).read_text().splitlines()]
            for folder in ("broken", "whole")
        )
        assert broken == whole and journal.read_text().splitlines()[: len(before)] == before


@pytest.mark.parametrize(
    ("space", "options", "sentence"),
    [
        (SPACE, {"strategy": "bays"}, r"did you mean 'bayes'"),
        (SPACE, {"strategy": "bayes", "budget": 9}, r"^budget: trials = 9 are fewer than the 10 that BayesSearch needs\.$"),
        (SPACE, {"budget": 0}, r"^Budget\.trials = 0 is not an integer > 0\.$"),
        (SPACE, {"seeds": 1}, r"^seeds = 1 is not a number of restarts of each trial that show a spread"),
        (SPACE, {"margin": -1}, r"^margin = -1 is not a number >= 0"),
        (SPACE, {"metric": "nlll"}, r"'nlll' is unknown; did you mean 'nll'\?$"),
        ({}, {}, r"^a space without a setting is one point; at least one range is allowed\.$"),
        ({"model.activation": "relu"}, {}, r"'relu' is no range"),
        ({"model.dropot": "0:0.5"}, {}, r"model\.dropot.*did you mean 'model\.dropout'\?$"),
        (
            {"batch_size": "16,512"},
            {},
            r"^the trial with batch_size = 512: Experiment\.batch_size = 512 is not a number of examples",
        ),
        ("no/such.json", {}, r"^space: no/such\.json: No such file or directory\.$"),
        (3, {}, r"^space = 3 is no space; a Space, a dict of ranges by path, a JSON file or None is allowed\.$"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_compiles(blobs, compiled, space, options, sentence):
    with pytest.raises(jt.ConfigError, match=sentence):
        jt.search(BASE, space, blobs, **FEW | options)
    assert "jit(advance)" not in compiled


def test_a_choice_that_does_not_fit_is_named_where_it_stands(blobs):
    space = {"optimizer.rule": "sgd,lbfgs", "optimizer.rule.learning_rate": "log:1e-3:1"}
    with pytest.raises(jt.ConfigError, match=r"^the trial with optimizer\.rule = 'lbfgs': Experiment\.batch_size = 16 is a mini"):
        jt.search(BASE, space, blobs, **FEW)


def test_where_all_restarts_diverge_that_is_said(blobs):
    base = BASE.replace({"optimizer.rule": "sgd"})
    with pytest.raises(
        jt.ConfigError, match=r"^all restarts of 6 trials diverged on blobs; a space of smaller steps is allowed\.$"
    ):
        jt.search(base, {RATE: "log:1e28:1e30"}, blobs, **FEW)


def test_a_space_may_be_a_file_or_proposed(blobs, tmp_path):
    file = tmp_path / "space.json"
    file.write_text(json.dumps({RATE: "log:1e-3:1"}))
    options = FEW | {"budget": 2}
    assert jt.search(BASE, str(file), blobs, **options).space.paths == (RATE,)
    assert RATE in jt.search(BASE.replace({"batch_size": 4}), None, blobs, **options).space.paths


class TestCommand:
    WORDS = (
        "search --data digits --model.widths 4 --epochs 1 --batch-size 256 --space learning_rate=log:1e-3:1 model.dropout=0:0.5"
    )
    MORE = "--strategy coarse_to_fine --strategy.trials 2 --trials 6 --seeds 2 --batch 2 --fresh-seeds 2 --devices 1 --json"

    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
        return tmp_path

    def test_it_searches_writes_and_is_resumed(self, here, capsys, monkeypatch):
        words = [*self.WORDS.split(), *self.MORE.split()]
        cli.main(words)
        told = json.loads(capsys.readouterr().out)
        folder = here / "runs/digits-search-1"
        assert told["folder"] == "runs/digits-search-1" and told["strategy"]["trials"] == 2 and len(told["trials"]) == 6
        assert {"report.html", "config.json", "search.json", "search.csv", "command.json"} <= {
            path.name for path in folder.iterdir()
        }
        winner = jt.Experiment.from_json(json.loads((folder / "config.json").read_text()))
        point = told["trials"][[each["trial"] for each in told["trials"]].index(told["winner"])]["point"]
        assert winner.optimizer.rule.learning_rate == point[RATE] and winner.epochs == 1

        train, left = runner.metric_of, iter(range(2))

        def some(*args, **options):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return train(*args, **options)

        with monkeypatch.context() as patch:
            patch.setattr(runner, "metric_of", some)
            with pytest.raises(SystemExit):
                cli.main([*words, "--out", "cut"])
        cli.main(["resume", "cut"])
        again = json.loads(capsys.readouterr().out)
        assert again["trials"] == told["trials"] and again["fresh"] == told["fresh"] and (here / "cut/report.html").exists()

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--space", "dropout"], "space: dropout: No such file or directory."),
            (["--space", "model.dropout=0:0.5", "dropout"], "--space 'dropout' is not path=range"),
            (["--space", "model.dropot=0:0.5"], "did you mean 'model.dropout'?"),
            (["--strategy", "bays"], "did you mean 'bayes'?"),
            (["--strategy.start", "no"], "strategy.start = 'no' is not"),
            (["--strategy.strat", "3"], "did you mean 'strategy.start'?"),
            (["--seeds", "3", "4"], "--seeds 3 4 names seeds, and a search gives each restart its own; one number is allowed."),
            (["--trials", "0"], "Budget.trials = 0 is not an integer > 0."),
            (["--strateg", "grid"], "there is no flag --strateg; did you mean '--strategy'?"),
        ],
    )
    def test_it_refuses_in_one_sentence_and_leaves_nothing(self, here, capsys, words, says):
        with pytest.raises(SystemExit) as stop:
            cli.main(["search", *words])
        said = capsys.readouterr().err
        assert stop.value.code == 2 and said.count("\n") == 1 and says in said and not list(here.iterdir())


def test_structures_tell_programs(found):
    assert len({jax.tree.structure(BASE.replace(point)) for point in found.course.points}) == found.programs
