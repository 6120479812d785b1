"""Figures as files: their own colours, any size, the same bytes; what a page shows of them, and what it lets one save."""

import base64
import dataclasses
import importlib.util
import io
import json
import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

import jaxtricks as jt
from jaxtricks import cli, report
from jaxtricks.report import download, picture, plots
from jaxtricks.report.ablation import in_order
from jaxtricks.report.download import Download
from jaxtricks.report.figure import BLUE, DARK, PAPER, STYLE, VERMILION, Drawing
from jaxtricks.report.gallery import Gallery
from jaxtricks.report.page import NAMED_UP_TO, page
from jaxtricks.report.paper import PAGE, RIGHT, Sheet
from jaxtricks.report.text import units_of
from tests.report.records import arm, record_of

COLUMN = Sheet(3.3, None, 8)
LINK = re.compile(r'<a download="([^"]+)" href="([^"]+)"')


@pytest.fixture(scope="module")
def record():
    return record_of({"model.dropout=0.5": 0.03, "far": -0.8})


@pytest.fixture(scope="module")
def gallery(record):
    return Gallery.of(record)


@pytest.fixture(scope="module")
def shown(record):
    return page(record)


def saved(text):
    """Name → content of every file that a page lets one save."""
    files = {}
    for name, url in LINK.findall(text):
        head, _, content = unescape(url).partition(",")
        files[name] = base64.b64decode(content) if head.endswith("base64") else unquote(content).encode()
    return files


def table_of(content):
    return csv.read_csv(io.BytesIO(content))


# --- a figure as a file ---------------------------------------------------------------------------------------------------


def test_a_figure_that_leaves_its_page_keeps_its_colours(gallery, shown):
    files = {name: text.decode() for name, text in saved(shown).items() if name.endswith(".svg")}
    assert set(files) == {f"{name}.svg" for name in gallery.named()} and len(files) == 1 + 2 * 3
    for text in files.values():
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("width") == "4.6in"
        assert root[0].tag.endswith("title") and root[0].text == root.get("aria-label")
        assert "var(" not in text and "currentColor" not in text and "<style" not in text and f"background: {PAPER}" in text
    assert BLUE in files["model.dropout=0.5-restarts.svg"] and VERMILION in files["model.dropout=0.5-restarts.svg"]


def test_every_colour_of_a_figure_has_another_one_on_a_dark_screen(gallery):
    used = {colour for drawing in gallery for colour in re.findall(r"(?:fill|stroke): (#\w+)", drawing.svg)}
    assert used and used <= set(DARK)


@pytest.mark.parametrize("sheet", [COLUMN, Sheet(7.0, 2.5, 9.0)])
def test_a_pdf_has_the_size_that_was_asked_for_and_letters_that_journals_take(gallery, sheet):
    drawing = next(iter(gallery))
    made = drawing.file("pdf", sheet)
    assert made == drawing.file("pdf", sheet) and made.startswith(b"%PDF") and b"/Type3" not in made
    width, height = map(float, re.search(rb"/MediaBox \[ 0 0 (\S+) (\S+) \]", made).groups())
    assert width == pytest.approx(72 * sheet.width)
    assert height == pytest.approx(72 * (drawing.height * sheet.scale if sheet.height is None else sheet.height))


def test_lines_of_a_pdf_go_as_far_as_its_axes(gallery, monkeypatch):
    monkeypatch.setitem(STYLE, "pdf.compression", 0)
    text = gallery.panels[0].shown[1].file("pdf", COLUMN).decode("latin1")
    ends = [float(x) for x in re.findall(r"^(\S+) \S+ l$", text, re.MULTILINE)]
    assert pytest.approx(72 * (COLUMN.width / COLUMN.scale - RIGHT)) in ends


def test_an_svg_of_a_paper_and_a_png_have_its_width(gallery):
    drawing = next(iter(gallery))
    text = drawing.file("svg", COLUMN).decode()
    assert ET.fromstring(text).get("width") == "3.3in" and text == drawing.file("svg", COLUMN).decode()
    wide = int.from_bytes(drawing.file("png", COLUMN)[16:20], "big")
    assert wide == pytest.approx(300 * 3.3, abs=1)


def test_the_name_of_an_axis_stays_beside_it_at_any_width():
    drawing = Drawing("wide", "", 2.9, lambda axes: plots.upright(axes, "accuracy"))
    for width in (PAGE.width, 12.0):
        text = drawing.file("svg", Sheet(width, None, PAGE.font)).decode()
        x = float(re.search(r"rotate\(-90 (\S+) ", text)[1])
        assert 0 < x < 40  # points from the left end


@pytest.mark.parametrize("size", ["3.3", "3.3em", "0.2in", "x2in", "90in"])
def test_a_size_that_is_none_is_refused_in_a_sentence(size):
    with pytest.raises(jt.ConfigError, match=r"^--size .* are allowed\.$"):
        Sheet.of(size, 8)
    with pytest.raises(jt.ConfigError, match=r"^--font 0 "):
        Sheet.of("84mm", 0)


@pytest.mark.parametrize(("size", "font", "most"), [("1in", 14, 8.5), ("3.3x1in", 20, 10.4), ("1x3in", 40, 8.5)])
def test_letters_that_leave_no_plot_are_refused_and_the_largest_are_drawn(size, font, most):
    said = f"--font {font} leaves no room for a plot in --size {size}; 3 to {most:g} points are allowed."
    with pytest.raises(jt.ConfigError, match=f"^{re.escape(said)}$"):
        Sheet.of(size, font)
    drawing = Drawing("a line", "", 2.9, lambda axes: axes.plot([0, 1], [0, 1], color=BLUE))
    assert drawing.file("svg", Sheet.of(size, most))


def test_the_command_writes_the_figures_that_are_named(record, gallery, tmp_path, capsys):
    folder = report.save(record, tmp_path / "run")
    cli.main(["figure", str(folder), "--only", "forest", "restarts", "--size", "84mm"])
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in written] == ["forest.pdf", "model.dropout=0.5-restarts.pdf", "far-restarts.pdf"]
    assert written[0].read_bytes() == gallery.forest.file("pdf", Sheet.of("84mm", 8)) and written[0].parent == folder / "figures"
    with pytest.raises(SystemExit):
        cli.main(["figure", str(folder), "--only", "forrest"])
    assert capsys.readouterr().err == "jaxtricks: there is no figure 'forrest'; did you mean 'forest'?\n"
    assert len(list((folder / "figures").iterdir())) == 3


def test_figures_whose_labels_differ_in_a_space_alone_have_files_of_their_own():
    names = Gallery.of(record_of({"a b": 0.0, "a-b": 0.1})).named()
    assert len(names) == 7 and "a-b-restarts-2" in names


# --- what is drawn --------------------------------------------------------------------------------------------------------


def test_restarts_of_few_values_have_a_place_each():
    values = np.repeat(np.linspace(0.9, 0.95, 10), 4)[:32]  # as accuracies of small validation sets are
    for change in (None, arm("b", values)):
        svg = plots.dots("accuracy", arm("a", values), change).svg
        for colour in (BLUE, VERMILION)[: 1 + (change is not None)]:
            group = [part for part in svg.split("<g") if f"fill: {colour}" in part and "<use" in part]
            places = set(re.findall(r'<use [^>]*x="([^"]+)" y="([^"]+)"', "".join(group)))
            assert len(places) == 32


def test_restarts_that_are_all_the_same_or_not_finite_are_spread_too():
    aside = plots.swarm(np.array([[1.0] * 64, [np.nan] * 64]), 0.02)
    assert len(set(aside[0])) == 64 and np.ptp(aside[0]) == pytest.approx(plots.ROOM) and not aside[1].any()


def test_the_forest_of_an_ablation_is_sorted_and_writes_what_goes_beyond_its_axis():
    made = record_of({"with a=1": 0.0, "without b=2": -0.02, "with c=3": 0.02, "without d=4": -0.9})
    svg = Gallery.of(dataclasses.replace(made, kind="ablate")).forest.svg
    labels = ["without d=4", "without b=2", "with c=3", "with a=1"]
    assert [verdict.label for verdict in in_order("ablate", made.verdicts)] == labels
    assert [svg.index(f">{label}<") for label in labels] == sorted(svg.index(f">{label}<") for label in labels)
    assert plots.beyond(made.verdicts, units_of(made.verdicts)) == ("without d=4",) and svg.count(">-90.00<") == 1


def test_a_forest_shows_both_scopes():
    made = record_of({"a": 0.01})
    verdict = made.verdicts[0]
    other = dataclasses.replace(verdict.headline, scope="these examples")
    both = dataclasses.replace(verdict, findings=(dataclasses.replace(verdict.headline, scope="new data"), other))
    lines = [len(re.findall(r"stroke-width: 1\.[18]\b", plots.forest([v], units_of([v])).svg)) for v in (verdict, both)]
    assert lines[1] == lines[0] + 1
    text = page(dataclasses.replace(made, verdicts=(both,)))
    assert "Bold: on new data; thin: on these examples." in text


def test_training_and_validation_are_one_plot_where_they_are_one_loss(record):
    loss = {"nll": tuple(tuple(2 - v for v in row) for row in record.baseline.curves["accuracy"])}
    arms = [dataclasses.replace(a, curves=a.curves | loss, followed="nll") for a in record.arms]
    told = "Training loss and negative log-likelihood in validation, by epoch"
    assert (
        page(dataclasses.replace(record, arms=tuple(arms))).count(f'<svg viewBox="0 0 331.2 208.8" role="img" aria-label="{told}')
        == 2
    )
    arms[1] = dataclasses.replace(arms[1], followed="hinge")
    text = page(dataclasses.replace(record, arms=tuple(arms)))
    assert text.count(f'aria-label="{told}') == 1 and 'aria-label="Learning curves: training loss by epoch' in text


def test_three_plots_matter_and_the_others_are_folded(record):
    more = dict.fromkeys(("nll", "ece", "grad_norm", "largest_grad_norm"), record.baseline.curves["train_loss"])
    arms = tuple(dataclasses.replace(a, curves=a.curves | more, followed="nll") for a in record.arms)
    panels = Gallery.of(dataclasses.replace(record, arms=arms)).panels
    assert [(len(panel.shown), len(panel.folded)) for panel in panels] == [(3, 4)] * 2
    assert page(dataclasses.replace(record, arms=arms)).count("<summary>4 more plots</summary>") == 2


# --- what is written ------------------------------------------------------------------------------------------------------


def test_every_value_is_saved_from_the_page_itself(record, shown, monkeypatch):
    files = saved(shown)
    assert table_of(files["report.csv"]).equals(_as_read(record.frame()))
    assert table_of(files["values.csv"]).equals(_as_read(record.values()))
    monkeypatch.setattr(download, "PLAIN", 1000)
    with zipfile.ZipFile(io.BytesIO(saved(page(record))["report.csv.zip"])) as archive:
        assert archive.read("report.csv") == files["report.csv"]
    monkeypatch.setattr(download, "MOST", 10)
    text = page(record)
    assert not saved(text).keys() & {"report.csv", "report.csv.zip"} and "<code>report.csv</code> in the run’s folder" in text


@pytest.mark.parametrize("metric", ["accuracy", "nll"])
def test_the_page_s_command_judges_the_values_that_it_saves(metric, tmp_path, monkeypatch, capsys):
    made = record_of({"model.dropout=0.5": 0.03, "far": -0.8}, metric=metric)
    text = page(made)
    (tmp_path / "values.csv").write_bytes(saved(text)["values.csv"])
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(unescape(re.search("<code>(jaxtricks judge [^<]+)</code> compares every two arms", text)[1]))
    cli.main([*words, "--json"])
    found = {each["label"]: each for each in json.loads(capsys.readouterr().out)["verdicts"]}
    assert program == "jaxtricks" and len(found) == 3
    for verdict in made.verdicts:
        again = found[f"{verdict.label} against baseline"]
        assert again["difference"] == pytest.approx(verdict.difference) and again["metric"] == metric
        assert again["higher_is_better"] == verdict.higher_is_better


def test_the_page_says_which_restarts_judge_would_refuse(record):
    worse = dataclasses.replace(record.arms[2], metrics={"accuracy": (None, *record.arms[2].metrics["accuracy"][1:])})
    text = page(dataclasses.replace(record, arms=(*record.arms[:2], worse)))
    assert "compares every two arms, once the rows of seed 0 are left out: there an arm has no finite value" in text


def _as_read(table: pa.Table) -> pa.Table:
    """A table after it was a CSV file, which has no types of its own."""
    file = io.BytesIO()
    csv.write_csv(table, file)
    read = csv.read_csv(io.BytesIO(file.getvalue()))
    assert read.column_names == table.column_names and read.num_rows == table.num_rows
    assert read["value"].to_pylist() == table["value"].to_pylist()
    return read


def test_a_file_of_a_page_says_how_large_it_is():
    assert [Download("a", "", size).said for size in (10, 25_000, 3_210_000)] == ["1 kB", "25 kB", "3.2 MB"]


def test_many_changes_are_counted_at_the_head_of_the_page_and_not_all_named():
    labels = {f"with optimizer.rule.a_long_name={i}": 0.03 + i / 1000 for i in range(NAMED_UP_TO)} | {
        "with x=1": 0.0,
        "with y=1": -0.1,
    }
    text = page(dataclasses.replace(record_of(labels, seeds=16), kind="ablate"))
    head = text[text.index('<p class="lead">') : text.index("</header>")]
    words = " ".join(re.sub("<[^>]+>", "", head).split())
    assert (
        head.count("<strong>") == 5 and "6 help, most of all with optimizer.rule.a_long_name=5 (+3.500 points); 1 hurts" in words
    )


def test_a_verdict_is_a_row_of_so_few_cells_that_a_telephone_has_room_for_it(shown):
    table = shown[shown.index("<table>") : shown.index("</table>")]
    rows = [re.findall("<t[hd]", row) for row in table.split("<tr>")[1:]]
    assert max(map(len, rows)) == 3 and "white-space: nowrap" not in table
    assert table.index(">baseline") < table.index("dropout") and table.count('scope="col"') == 3


def test_the_page_says_how_large_the_network_is_what_it_saw_and_how_long_it_took(blobs, tmp_path):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16)
    runs = jt.fit(base, blobs, seeds=2, progress=False)
    made = report.record_runs(runs, command="")
    sizes = [np.prod(np.shape(leaf)[1:], dtype=int) for leaf in _leaves(runs.variables["params"])]
    assert made.baseline.parameters == sum(sizes) and made.baseline.followed == "nll"
    assert made.environment["seconds"] == round(runs.seconds, 1)
    text = page(report.load(report.save(made, tmp_path / "run")))
    for words in (f"{sum(sizes):,}", f"SHA-256 {made.data.digest}…", f"{made.environment['seconds']:,.1f} s of training, with"):
        assert f'<td class="any">{words}' in text or f"{words}</td>" in text or words in text
    assert len(made.data.digest) == 16


def _leaves(tree):
    return [leaf for each in tree.values() for leaf in (_leaves(each) if isinstance(each, dict) else [each])]


def test_nothing_of_the_page_s_style_is_outside_of_its_frame_in_a_notebook(blobs):
    base = jt.Experiment(model=jt.MLP(widths=(4,)), epochs=1, batch_size=16)
    shown = jt.fit(base, blobs, seeds=2, progress=False)._repr_html_()
    inside = re.search(r'srcdoc="([^"]*)"', shown)
    around = shown[: inside.start()] + shown[inside.end() :]
    assert re.fullmatch(r'<iframe  title="[^"<]+" style="width: 100%; height: \d+px; border: 0"></iframe>', around)
    assert "<style>" in unescape(inside[1])


def test_a_picture_of_a_page_needs_a_browser(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(report.FolderError, match=r"needs a browser: .* none is installed\.$"):
        picture(tmp_path / "report.html", tmp_path / "page.png")


def test_a_picture_narrower_than_a_window_is_refused(tmp_path):
    with pytest.raises(jt.ConfigError, match=r"^width = 412: .*; 500 pixels or more are allowed\.$"):
        picture(tmp_path / "report.html", tmp_path / "page.png", width=412)


def test_the_screenshots_are_pictures_of_the_pages_that_commands_write(tmp_path, monkeypatch, capsys):
    place = Path(__file__).parents[2] / "docs" / "screenshots.py"
    spec = importlib.util.spec_from_file_location("screenshots", place)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    ran = []

    def run(words, **options):
        ran.append(list(map(str, words)))
        made = next((word.removeprefix("--screenshot=") for word in ran[-1] if word.startswith("--screenshot=")), None)
        if made is not None:
            Path(made).write_bytes(b"a picture")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/{name}" if name == "chrome" else None)
    script.main(["page"])
    assert capsys.readouterr().out == f"{tmp_path / 'page.png'}\n"
    (command, shot) = ran
    assert command[1:4] == ["-m", "jaxtricks.cli", "demo"] and shot[0] == "/chrome" and "--window-size=1100,1100" in shot
    assert shot[-1] == (Path(command[-1]) / "report.html").as_uri()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"^screenshots: a picture of a page needs a browser: "):
        script.main([])
    assert len(ran) == 2
