"""Results show themselves from Python: short in a console, as a page in a notebook or a browser, and saved to a folder."""

import subprocess
import sys
import webbrowser
from html import unescape
from pathlib import Path

import optax
import pytest

import jaxtricks as jt
from jaxtricks.report import load, record_ladder
from jaxtricks.train.shown import paged


@pytest.fixture(scope="module")
def study(blobs):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16)
    return jt.study(
        base, {"slow": base.replace({"optimizer.rule.learning_rate": 1e-4})}, blobs, seeds=3, progress=False, tune=None
    )


def test_a_console_shows_a_line_and_not_every_number(study):
    assert repr(study) == "Study(blobs, 3 restarts an arm; slow: no difference)"
    assert repr(study.baseline) == "Runs(3 of MLP on blobs, epochs=1)"


@pytest.mark.parametrize("result", [lambda study: study, lambda study: study.baseline], ids=["study", "runs"])
def test_a_result_is_saved_as_a_folder_that_the_command_line_reads(study, result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [result(study).save(), result(study).save(), result(study).save(tmp_path / "mine")]
    kind = "compare" if result(study) is study else "run"
    assert [str(folder) for folder in folders] == [f"runs/blobs-{kind}-1", f"runs/blobs-{kind}-2", str(tmp_path / "mine")]
    assert load(folders[0]).baseline.seeds == (0, 1, 2)
    assert "Made from Python" in (folders[0] / "report.html").read_text()


def test_a_result_opens_in_a_browser(study, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert study.show().as_uri() == opened[0]
    assert "slow" in Path(opened[0].removeprefix("file://")).read_text()


def test_a_notebook_shows_the_page_inside_a_frame_that_its_styles_do_not_leave(study):
    shown = study._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;') and shown.count("<") == 2
    assert unescape(shown).count("<!DOCTYPE html>") == 1


def test_importing_the_library_does_not_import_what_draws():
    code = "import sys, jaxtricks; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_functions_that_a_notebook_defines_are_on_the_page_though_they_cannot_be_trained_again_from_it(blobs, tmp_path):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16)
    own = base.replace({"objective.loss": lambda scores, targets: optax.safe_softmax_cross_entropy(scores, targets)})
    chained = own.replace({"optimizer.rule": jt.Optax(optax.adam(1e-3))})
    folder = jt.study(own, {"chain": chained}, blobs, seeds=2, progress=False, tune=None).save(tmp_path / "own")
    assert "&lt;lambda&gt;" in (folder / "report.html").read_text()
    with pytest.raises(jt.ConfigError, match=r"lambda.* cannot be imported"):
        jt.Experiment.from_json(load(folder).baseline.experiment)


def test_an_ablation_has_a_page_with_the_whole_first_and_the_rest_in_order_of_effect(blobs, tmp_path):
    base = jt.Experiment(model=jt.MLP(widths=(4,), dropout=0.5), epochs=1, batch_size=16)
    found = jt.ablate(base, blobs, tricks=["model.dropout", "objective.l2"], seeds=2, progress=False, tune=None)
    folder = found.save(tmp_path / "ablation")
    text = (folder / "report.html").read_text()
    table = text[text.index("<table>") : text.index("</table>")]
    rows = ["the whole experiment", "Left out, one at a time", "Added, one at a time", "l2="]
    assert [table.index(row) for row in rows] == sorted(table.index(row) for row in rows)
    assert load(folder).kind == "ablate" and paged(found).name == "blobs-ablate"


def test_a_ladder_has_a_page_and_a_folder_that_is_read_again(blobs, tmp_path):
    base = jt.Experiment(
        model=jt.MLP(widths=(4,)), optimizer=jt.Optimizer(rule=jt.SGD(learning_rate=1e-6)), epochs=2, batch_size=8
    )
    steps = {
        "a slow rule": {"optimizer.rule": jt.Momentum(learning_rate=1e-9)},
        "its momentum": {"optimizer.rule.momentum": 0.5},
        "a rate": {"optimizer.rule.learning_rate": 0.3},
    }
    found = jt.ladder(steps, blobs, base=base, seeds=8, progress=False, tune=None)
    assert found.kept == ("a rate",)
    record = record_ladder(found, command="")
    assert [arm.label for arm in record.references] == ["baseline", "baseline"]
    folder = found.save(tmp_path / "ladder")
    assert load(folder).climb == record.climb and record.climb.closing == found.closing.verdicts[0]
    text = (folder / "report.html").read_text()
    assert "its momentum: not kept: it does not fit what was kept" in text and "a ladder, 1 of 3 rungs kept" in text
    assert '<span class="helps">kept</span>' in text and "on 8 seeds that decided nothing" in text
