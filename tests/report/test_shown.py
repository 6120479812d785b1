"""Results show themselves from Python: short in a console, as a page in a notebook or a browser, and saved to a folder."""

import subprocess
import sys
import webbrowser
from html import unescape
from pathlib import Path

import optax
import pytest

import jaxtricks as jt
from jaxtricks.report import load


@pytest.fixture(scope="module")
def study(blobs):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16)
    return jt.study(base, {"slow": base.replace({"optimizer.rule.learning_rate": 1e-4})}, blobs, seeds=3, progress=False)


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
    folder = jt.study(own, {"chain": chained}, blobs, seeds=2, progress=False).save(tmp_path / "own")
    assert "&lt;lambda&gt;" in (folder / "report.html").read_text()
    with pytest.raises(jt.ConfigError, match=r"lambda.* cannot be imported"):
        jt.Experiment.from_json(load(folder).baseline.experiment)
