"""A fit from Python that keeps checkpoints is watched, and its page drawn, as that of a command is."""

import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.engine import preemption
from jaxtricks.engine.preemption import Preempted
from jaxtricks.report.watch import Activity, view_of

BASE = jt.Experiment(model=jt.MLP(widths=(8,)), epochs=2)
CHANGES = {"half of the units are off": BASE.replace({"model.dropout": 0.5})}
HOW = {"seeds": 2, "layout": jt.Layout(runs=1), "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("fits") / "kept"
    jt.study(BASE, CHANGES, jt.load("digits"), checkpoints=jt.Checkpoints(place), **HOW, tune=None)
    return place


def test_a_finished_study_is_watched_under_the_labels_that_were_typed(folder, capsys):
    view = view_of(folder)
    assert (view.phase, view.done, view.total) == (Activity.FINISHED, 8, 8)
    assert [arm.label for arm in view.arms] == ["baseline", *CHANGES]
    cli.main(["watch", str(folder)])
    out = capsys.readouterr().out
    assert "half of the units are off, training loss" in out and f"`jaxtricks report {folder}` draws its page" in out


def test_its_page_is_drawn_from_its_checkpoints(folder, capsys):
    cli.main(["report", str(folder)])
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert "half of the units are off" in (folder / "report.html").read_text()
    assert jt.resume(folder, jt.load("digits"), progress=False)[1].curves["nll"].shape == (2, 2)  # the page is in no one's way


def test_a_fit_that_trains_and_one_that_was_cut_off(tmp_path, monkeypatch, capsys):
    seen = []

    def asked():
        seen.append(view_of(tmp_path).phase)
        return True

    monkeypatch.setattr(preemption, "asked", asked)
    data = jt.load("digits").subset(100, 0)
    with pytest.raises(Preempted):
        jt.fit(BASE, data, checkpoints=jt.Checkpoints(tmp_path), **HOW)
    assert seen[0] in (Activity.STARTING, Activity.TRAINING) and view_of(tmp_path).phase is Activity.ENDED
    with pytest.raises(SystemExit):
        cli.main(["watch", str(tmp_path)])
    assert "the same call, or `jaxtricks.resume` in Python, goes on" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["report", str(tmp_path)])
    assert "which are not loaded by that name as they were" in capsys.readouterr().err
