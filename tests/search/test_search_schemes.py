"""Whole searches whose trials are trained by a scheme: nothing lost, nothing twice; a population's settings over time."""

import json

import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.engine import preemption
from jaxtricks.report.search import SearchPage
from jaxtricks.search import Certainty, PopulationTraining, Space, TrialSet, fitted, runner, train_trials
from jaxtricks.search.course import Stage
from jaxtricks.search.export import optuna_study
from jaxtricks.search.journal import JOURNAL
from jaxtricks.train.fit import How
from jaxtricks.train.members import metric_of

RATE = "optimizer.rule.learning_rate"
BASE = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=4)
SPACE = {RATE: "log:1e-4:1"}
ONE = jt.Layout(runs=1)
FEW = {"strategy": "random", "budget": 8, "seeds": 2, "batch": 4, "certainty": Certainty(fresh=4), "layout": ONE, "metric": "nll"}
FEW |= {"progress": False}


@pytest.fixture(scope="module", params=["halving", "population"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def found(blobs, scheme):
    return jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme)


def known(search):
    """All that a search knows but for how long it took."""
    return {name: value for name, value in search.to_dict().items() if name not in ("seconds", "compiling")}


class Cut(Exception):
    """The process ends here."""


class TestResumed:
    def test_cut_after_any_batch_it_comes_to_the_same(self, blobs, found, scheme, tmp_path, monkeypatch):
        alone, compared = runner.metric_of, runner.train_trials
        for batches in range(len(found.course.judged)):
            left = iter(range(batches))

            def some(train, left=left):
                def trained(*args, **options):
                    if next(left, None) is None:
                        raise Cut
                    return train(*args, **options)

                return trained

            folder = tmp_path / str(batches)
            with monkeypatch.context() as patch:
                patch.setattr(runner, "metric_of", some(alone))
                patch.setattr(runner, "train_trials", some(compared))
                with pytest.raises(Cut):
                    jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=folder)
            assert len((folder / JOURNAL).read_text().splitlines()) == 1 + batches
            assert known(jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=folder)) == known(found)

    @pytest.mark.parametrize("stop", [1, 3])
    def test_cut_within_a_batch_it_goes_on_from_its_turns(self, blobs, found, scheme, tmp_path, monkeypatch, stop):
        asked = iter(range(1, 100))
        with monkeypatch.context() as patch:
            patch.setattr(preemption, "asked", lambda: next(asked) == stop)
            with pytest.raises(preemption.Preempted):
                jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=tmp_path)
        assert (tmp_path / f"batch-0-0/cohort-0/{stop:06}").exists() and len((tmp_path / JOURNAL).read_text().splitlines()) == 1
        assert known(jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=tmp_path)) == known(found)

    def test_cut_within_the_batches_of_its_own_seeds(self, blobs, found, scheme, tmp_path, monkeypatch):
        """Members that change their settings on the way go on with those that they had."""
        last, train = len(found.course.judged) - 1, runner.metric_of
        asked, late = iter(range(1, 100)), []

        def some(members, *args, checkpoints, **options):
            late.extend([True] * (len(members) == 4))  # those that confirm the winner
            return train(members, *args, checkpoints=checkpoints, **options)

        with monkeypatch.context() as patch:
            patch.setattr(runner, "_brief", lambda course: False)
            patch.setattr(runner, "metric_of", some)
            patch.setattr(preemption, "asked", lambda: bool(late) and next(asked) == 2)
            with pytest.raises(preemption.Preempted):
                jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=tmp_path)
        assert 3 <= len((tmp_path / JOURNAL).read_text().splitlines()) <= last + 1
        assert known(jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=tmp_path)) == known(found)

    def test_the_folder_of_a_search_of_another_scheme_is_refused(self, blobs, scheme, tmp_path, monkeypatch):
        monkeypatch.setattr(runner, "train_trials", None)
        with pytest.raises(TypeError):
            jt.search(BASE, SPACE, blobs, **FEW, scheme=scheme, folder=tmp_path)
        with pytest.raises(jt.CheckpointError, match="here scheme"):
            jt.search(BASE, SPACE, blobs, **FEW, folder=tmp_path)


class TestFound:
    def test_what_was_trained_is_counted_and_said(self, blobs):
        found = jt.search(BASE, SPACE, blobs, **FEW, scheme="halving")
        exploring = [each for each in found.course.judged if each.batch.stage is Stage.EXPLORING]
        assert [each.underway.epochs for each in exploring] == [2 * (3 * 1 + 1 * 4)] * 2
        assert "trained as their settings say: 6 trials for 1 epoch, 2 trials for 4 epochs of 4; only " in str(found)
        assert "no other trial was trained anew, to be compared with it" in str(found)
        values = np.array(found.winner.score.values)
        assert len(values) == 4 and found.winner.score.mean == pytest.approx(values.mean())
        assert (found.winner.score.high - values.mean()) / (values.std(ddof=1) / 2) == pytest.approx(3.182, abs=1e-3)
        assert sorted(each.until for each in found.leaderboard) == [1] * 6 + [4] * 2
        assert all(not np.isfinite(each.score.mean) for each in found.leaderboard if each.until < 4)
        columns = found.frame().to_pydict()
        explored = [n for n, stage in enumerate(columns["stage"]) if stage == "exploring"]
        assert [columns["until"][n] for n in explored] == [4 if columns["nll"][n] is not None else 1 for n in explored]

    def test_survivors_have_the_bits_that_they_have_without_halving(self, blobs):
        course = jt.search(BASE, SPACE, blobs, **FEW, scheme="halving").course
        first = course.judged[0]
        (stayed,) = np.flatnonzero((first.underway.until == 4).all(axis=1))
        seeds = jt.Seeds([restart.seed for restart in first.batch.restarts[:2]])
        points = TrialSet(BASE, course.space, first.batch.points)
        alone = train_trials(points, blobs, jt.search.Full(), seeds, "nll", How(ONE, None, False))
        np.testing.assert_array_equal(first.values.reshape(4, 2)[stayed], alone.values[stayed])

    def test_full_is_what_it_is_without_a_scheme(self, blobs):
        """Each trial has seeds of its own, and all of them are scored."""
        full = jt.search(BASE, SPACE, blobs, **FEW, scheme="full")
        assert known(full) == known(jt.search(BASE, SPACE, blobs, **FEW)) and full.course.scored == tuple(range(8))
        assert all(each.underway is None for each in full.course.judged) and "trained as" not in str(full)

    def test_it_has_a_page_that_says_until_when_each_was_trained(self, found):
        page = SearchPage(found).html()
        assert "<th>epochs</th>" in page and json.dumps(found.to_dict(), allow_nan=False)

    def test_as_a_study_of_optuna_trials_that_left_were_pruned(self, found):
        pytest.importorskip("optuna")
        states = [trial.state.name for trial in optuna_study(found).trials]
        assert len(states) == len(found.course.points)
        assert [trial for trial, state in enumerate(states) if state == "COMPLETE"] == list(found.course.scored)
        assert set(states) == {"COMPLETE", "PRUNED"}


class TestPopulation:
    def test_training_that_follows_a_schedule_comes_to_the_same_weights(self, blobs, float64):
        with float64():
            trials = TrialSet(BASE, fitted(Space(SPACE), BASE), [{RATE: float(rate)} for rate in np.geomspace(1e-4, 1, 5)])
            seeds, how = jt.Seeds((3, 8)), How(ONE, None, False)
            population = train_trials(trials, blobs, PopulationTraining(share=0.4), seeds, "nll", how)
            moved = np.argwhere(population.own < 4).tolist()
            assert moved
            for trial, restart in moved:
                taken = [epoch for epoch, turned in population.standing.turns if turned.source[trial, restart] != trial]
                assert population.own[trial, restart] == taken[0]
            schedules = [population.schedule(trial, restart) for trial, restart in moved]
            assert max(len(schedule) for schedule in schedules) > 1
            for (trial, restart), schedule in zip(moved, schedules, strict=True):
                start, seed = BASE.replace(schedule[0][1]), (3, 8)[restart]
                again = metric_of(
                    [(start, seed)], blobs, "nll", size=2, layout=ONE, checkpoints=None, changes=[schedule[1:]]
                ).item()
                assert again == pytest.approx(population.values[trial, restart], rel=1e-10)
                assert schedule[-1][1][RATE] == population.settings[RATE][trial, restart]

    def test_the_winner_has_the_settings_of_its_last_state_and_they_are_written_down(self, blobs, tmp_path):
        changing = PopulationTraining(share=0.5, factor=4.0)
        narrow = {RATE: "log:1e-5:1e-1"}  # larger is better
        found = jt.search(BASE, narrow, blobs, **FEW | {"budget": 4}, scheme=changing, folder=tmp_path)
        course = found.course
        assert [each.batch.stage for each in course.judged][:2] == [Stage.EXPLORING, Stage.QUALIFYING]
        changed = [trial for trial, schedule in enumerate(course.schedules) if schedule]
        assert changed and min(changed) >= 4 and len(course.history.told) == 4
        for trial in changed:
            assert course.points[trial][RATE] == course.schedules[trial][-1][1][RATE]
        judged = next(each for each in course.judged if each.batch.stage is Stage.QUALIFYING)
        for (trial, seed), value in zip(judged.batch.restarts, judged.values, strict=True):
            first, *later = course.schedules[trial] or ((0, course.points[trial]),)
            alone = BASE.replace(first[1])
            again = metric_of([(alone, seed)], blobs, "nll", size=4, layout=ONE, checkpoints=None, changes=[later])
            assert value == pytest.approx(again.item(), rel=1e-4)
        assert course.judged[0].underway.epochs == 4 * 2 * 4  # who goes on from another one is trained all the time
        assert found.best.optimizer.rule.learning_rate == found.winner.point[RATE]
        told = found.to_dict()
        winner = next(each for each in told["trials"] if each["trial"] == told["winner"])
        assert winner["schedule"] == [list(change) for change in course.schedules[course.chosen]]

    def test_a_trial_is_told_by_what_it_came_to_with_its_own_settings(self, blobs):
        course = jt.search(BASE, SPACE, blobs, **FEW | {"budget": 4}, scheme="population").course
        underway = course.judged[0].underway
        assert underway.until.min() < 4 and all(np.isfinite(trial.score) for trial in course.history.told)
        first = underway.until.min(axis=1) == 1
        assert min(np.array([trial.score for trial in course.history.told])[first]) > min(
            trial.score for trial in course.history.told
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (
                {"strategy": "halving"},
                r"'halving' says how trials .* scheme = 'halving' \(--scheme halving\) is allowed",
            ),
            ({"scheme": "halvin"}, r"did you mean 'halving'"),
            ({"scheme": "hyperband"}, r"^batch = 4 are fewer trials than the 17 that 'hyperband' compares\.$"),
            ({"scheme": jt.search.Halving(first=4)}, r"Halving.first = 4 is not before the end of a run of 4 epochs"),
            ({"scheme": "halving", "space": {"epochs": "2,4"}}, "trials that leave on the way are compared at the same epochs"),
            ({"scheme": "population", "space": {"model.activation": "relu,tanh"}}, "is no number that a restart can change"),
        ],
    )
    def test_before_anything_compiles(self, blobs, compiled, change, says):
        change = dict(change)
        with pytest.raises(jt.ConfigError, match=says):
            jt.search(BASE, change.pop("space", SPACE), blobs, **FEW | change)
        assert not compiled


def test_a_command_names_a_scheme_and_its_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
    words = "search --data digits --batch-size 256 --epochs 2 --model.widths 4 --space learning_rate=log:1e-4:1 --json"
    more = "--strategy random --trials 4 --seeds 2 --fresh-seeds 2 --scheme halving --scheme.eta 2 --devices 1"
    cli.main([*words.split(), *more.split()])
    told = json.loads(capsys.readouterr().out)
    assert told["scheme"]["eta"] == 2 and sorted(each["until"] for each in told["trials"]) == [1, 1, 2, 2]
    with pytest.raises(SystemExit):
        cli.main([*words.split(), "--strategy", "halving"])
    assert "--scheme halving" in capsys.readouterr().err


def test_a_batch_is_as_large_as_the_scheme_needs(blobs, monkeypatch):
    sizes = []

    def counted(trials, *others):
        sizes.append(len(trials.points))
        raise Cut

    monkeypatch.setattr(runner, "train_trials", counted)
    for scheme, budget in (("halving", 64), ("hyperband", 64), ("hyperband", 20)):
        with pytest.raises(Cut):
            jt.search(BASE, SPACE, blobs, **FEW | {"batch": None, "budget": budget}, scheme=scheme)
    assert sizes == [16, 17, 20]
