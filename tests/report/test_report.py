"""The run's folder, the page and the table: complete, safe, the same each time, and nobody's work overwritten."""

import dataclasses
import json
import math
import os
import re
import socket
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxtricks as jt
from jaxtricks import report
from jaxtricks.data import Opening
from jaxtricks.evaluate.finding import Decision
from jaxtricks.objectives.metrics import METRICS
from jaxtricks.report import environment, files, plots
from jaxtricks.report.files import FILES, VALUES
from jaxtricks.report.page import page
from jaxtricks.report.text import MEANINGS, differing, setting, units
from jaxtricks.search.journal import JOURNAL
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import CURVES, PAGE, FolderError, claim
from tests.report.records import COMMAND, arm, record_of

VOID = {"meta", "br", "wbr", "use", "path", "rect"}


@pytest.fixture
def record():
    return record_of({"model.dropout=0.5": 0.03, "optimizer.clip_norm=0.1": 0.0, "epochs=40": -0.04})


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Four restarts of a tiny model, with a change, and a change that diverges."""
    data = jt.load("digits").subset(200, 0)
    with pytest.MonkeyPatch.context() as patch:  # one process may come back to this file, and open the split once more
        patch.setenv("JAXTRICKS_LEDGER", str(tmp_path_factory.mktemp("ledger") / "own.jsonl"))
        data.open_test("to see that the page says so")
    base = jt.Experiment(model=jt.MLP(widths=(16,)), epochs=2, batch_size=32)
    changes = {
        "optimizer.rule.learning_rate=0.01": base.replace({"optimizer.rule.learning_rate": 0.01}),
        "optimizer.rule=sgd": base.replace({"optimizer.rule": jt.SGD(learning_rate=1e30)}),
    }
    return jt.study(base, changes, data, seeds=4, progress=False, tune=None)


class Reader(HTMLParser):
    """The elements of a page, its text, and whether each that opens closes."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.links, self.words, self.open = Counter(), [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                self.links.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] != "style":
            self.words.append(text)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


# --- the folder -----------------------------------------------------------------------------------------------------------


def test_a_study_comes_back_from_its_folder_as_it_went_in(study, tmp_path):
    ensemble = jt.ensemble(study.baseline).evaluate(study.baseline.data)
    record = report.record_study(study, command=COMMAND, ensemble=ensemble, kind="ablate")
    record = dataclasses.replace(record, started="runs/before")
    assert len(record.changes[1].diverged) == 4
    assert all(v is None for v in record.changes[1].curves["train_loss"][0])
    path = report.save(record, tmp_path / "runs" / "a")
    assert report.load(path) == record
    assert sorted(p.name for p in path.iterdir()) == sorted([*FILES, PAGE, CURVES, VALUES])
    assert not list((tmp_path / "runs").glob(".*"))
    assert (path / PAGE).read_text() == page(record)


def test_config_json_is_the_experiment(study, tmp_path):
    path = report.save(report.record_runs(study.baseline, command="jaxtricks run digits"), tmp_path / "run")
    assert jt.Experiment.from_json(json.loads((path / "config.json").read_text())) == study.baseline.experiment
    loaded = report.load(path)
    assert (loaded.kind, loaded.verdicts, len(loaded.arms)) == ("run", (), 1)
    assert loaded.baseline.metrics["accuracy"] == tuple(map(float, study.baseline.metrics["accuracy"]))


def test_the_page_is_drawn_again_from_the_folder_alone(record, tmp_path):
    path = report.save(record, tmp_path / "a")
    before = {name: (path / name).read_bytes() for name in (PAGE, CURVES, VALUES)}
    for name in before:
        (path / name).unlink()
    assert report.render(path) == path / PAGE
    assert {name: (path / name).read_bytes() for name in before} == before
    assert len(list(path.iterdir())) == len(FILES) + 3


@pytest.mark.parametrize("name", [*FILES, "notes.txt"])
def test_nothing_is_overwritten(record, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FolderError, match="holds something already"):
        report.save(record, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_kept(record, tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FolderError):
        report.save(record, tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


def test_a_folder_that_another_process_fills_meanwhile_is_kept(record, tmp_path, monkeypatch):
    taken = tmp_path / "a"

    def slow_page(record):
        taken.mkdir()
        (taken / "config.json").write_text("mine")
        return ""

    monkeypatch.setattr(files, "page", slow_page)
    with pytest.raises(FolderError, match="holds something already"):
        report.save(record, taken)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert [p.read_text() for p in taken.iterdir()] == ["mine"]


def test_a_save_that_fails_leaves_nothing(record, tmp_path, monkeypatch):
    def broken(record):
        raise RuntimeError("no page")

    monkeypatch.setattr(files, "page", broken)
    with pytest.raises(RuntimeError):
        report.save(record, tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "write"),
    [
        ("rename", lambda record, path: report.save(record, path.parent / "b")),
        ("mkdir", lambda record, path: report.save(record, path.parent / "b")),
        ("mkdir", lambda record, path: report.fresh(path.parent, "b")),
        ("replace", lambda record, path: report.render(path)),
    ],
)
def test_what_the_file_system_refuses_is_one_sentence_and_leaves_nothing(record, tmp_path, monkeypatch, call, write):
    path = report.save(record, tmp_path / "a")
    before = {file: file.read_bytes() for file in path.iterdir()}

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(FolderError, match=r"cannot be written \(No space left on device\)\.$"):
        write(record, path)
    assert list(tmp_path.iterdir()) == [path] and {file: file.read_bytes() for file in path.iterdir()} == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "verdicts.json").unlink(), "verdicts.json is missing"),
        (lambda p: (p / "metrics.json").write_text("{"), "cannot be read"),
        (lambda p: (p / "config.json").write_bytes(b"\xff"), "cannot be read"),
        (lambda p: (p / "metrics.json").write_text("{}"), "as this version writes it"),
        (lambda p: (p / "verdicts.json").write_text('[{"label": "x"}]'), "as this version writes it"),
        (lambda p: (p / "environment.json").write_text("3"), "as this version writes it"),
    ],
)
def test_what_is_no_run_s_folder_is_refused_in_a_sentence(record, tmp_path, damage, message):
    path = report.save(record, tmp_path / "a")
    damage(path)
    with pytest.raises(FolderError, match=message) as caught:
        report.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert report.listing(tmp_path) == []


def test_the_list_has_the_newest_first_and_passes_over_the_rest(record, tmp_path):
    for n, time in enumerate(("2026-01-02", "2026-01-03", "2026-01-01"), 1):
        report.save(dataclasses.replace(record, environment={"time": time}), tmp_path / f"digits-{n}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    entries = report.listing(tmp_path)
    assert [e.name for e in entries] == ["digits-2", "digits-1", "digits-3"]
    assert entries[0].arms == ("baseline", "model.dropout=0.5", "optimizer.clip_norm=0.1", "epochs=40")
    assert (entries[0].kind, entries[0].data, entries[0].seeds) == ("compare", "digits", 8)
    assert entries[0].verdicts == {"helps": 1, "no difference": 1, "hurts": 1}
    assert str(entries[0]) == (
        "digits-2  2026-01-03  compare  digits  4 × 8 restarts  model.dropout=0.5 helps +3.00 points; "
        "optimizer.clip_norm=0.1 no difference +0.00 points; epochs=40 hurts -4.00 points"
    )
    assert report.listing(tmp_path / "absent") == []


def test_the_list_has_results_settings_that_differ_and_unfinished_runs(record, tmp_path):
    arm = record.baseline
    for width in (8, 16):
        experiment = jt.Experiment(model=jt.MLP(widths=(width,))).to_json()
        alone = dataclasses.replace(arm, label="experiment", experiment=experiment)
        one = dataclasses.replace(record, kind="run", arms=(alone,), verdicts=(), environment={"time": f"2026-01-{width:02}"})
        report.save(one, tmp_path / f"digits-run-{width}")
    claim(tmp_path / "begun-1", "jaxtricks run")
    entries = report.listing(tmp_path)
    assert [(entry.name, entry.settings, entry.finished) for entry in entries] == [
        ("digits-run-16", {"model.widths": "16"}, True),
        ("digits-run-8", {"model.widths": "8"}, True),
        ("begun-1", {}, False),
    ]
    assert entries[0].results == (f"accuracy {100 * np.mean(arm.metrics['accuracy']):.2f}%",)
    assert str(entries[0]).endswith("\n    model.widths=16")
    assert str(entries[2]) == f"begun-1  unfinished: jaxtricks resume {tmp_path / 'begun-1'}  (cut off)"


def test_the_list_has_searches_with_what_their_winner_gave_on_fresh_seeds(record, blobs, tmp_path):
    report.save(dataclasses.replace(record, environment={"time": "2026-01-01"}), tmp_path / "digits-1")
    base, rate = jt.Experiment(model=jt.MLP(widths=(4,)), batch_size=16, epochs=1), "optimizer.rule.learning_rate"
    found = jt.search(base, {rate: "log:1e-3:1"}, blobs, strategy="random", budget=3, seeds=2, progress=False)
    found.save(tmp_path / "blobs-search-1")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "search.json").write_text("{}")
    search, other = report.listing(tmp_path)
    assert (search.kind, search.data, sorted(search.arms)) == ("search", "blobs", ["trial 0", "trial 1", "trial 2"])
    assert search.finished and other.name == "digits-1" and search.settings.keys() == {rate}
    assert search.results == (
        f"accuracy {100 * found.fresh.mean:.2f}% on fresh seeds",
        f"{found.probability:.0%} sure of the best",
    )


def test_a_search_that_is_not_finished_says_how_far_it_is(tmp_path):
    folder = claim(tmp_path / "digits-search-1", "jaxtricks search")
    (folder / "checkpoints").mkdir()
    line = json.dumps({"points": [{}, {}], "restarts": [[0, 0], [0, 1], [1, 2], [1, 3]]})
    (folder / "checkpoints" / JOURNAL).write_text(f'{{"seed": 0}}\n{line}\n{{"poi')
    with folders.working(folder):
        assert report.listing(tmp_path)[0].state == "searching, 2 trials, 4 restarts so far"
    assert report.listing(tmp_path)[0].state == "cut off, 2 trials, 4 restarts so far"


def test_fresh_names_go_up_and_are_taken_at_once(record, tmp_path):
    names = [report.fresh(tmp_path / "runs", "digits-compare").name for _ in range(3)]
    assert names == ["digits-compare-1", "digits-compare-2", "digits-compare-3"]
    (tmp_path / "runs" / "digits-compare-1").rmdir()
    (tmp_path / "runs" / "digits-compare-12").mkdir()
    assert report.fresh(tmp_path / "runs", "digits-compare").name == "digits-compare-13"
    assert report.fresh(tmp_path / "runs", "cifar10_corrupted/fog_1 ../x").name == "cifar10_corrupted-fog_1-..-x-1"
    assert report.fresh(tmp_path / "runs", "/").name == "run-1"
    assert report.save(record, report.fresh(tmp_path / "runs", "digits")).name == "digits-1"


# --- the page -------------------------------------------------------------------------------------------------------------


def test_the_page_asks_for_nothing(record):
    text = page(record)
    reader = read(text)
    assert all(link.startswith(("#", "data:")) for link in reader.links)
    assert not re.search(r"https?://|//\w+\.|@import|url\((?!#)", text)
    assert reader.tags["script"] == reader.tags["link"] == reader.tags["img"] == reader.tags["iframe"] == 0
    assert '<html lang="en">' in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_is_the_same_each_time_and_ids_are_used_once(record, tmp_path):
    text = page(record)
    assert page(record) == text
    assert page(report.load(report.save(record, tmp_path / "a"))) == text
    ids = read(text).ids
    assert len(set(ids)) == len(ids) > 0
    assert set(re.findall(r"(?:href=\"|url\()#([\w-]+)", text)) == set(ids)


def test_a_user_s_matplotlibrc_changes_nothing(record):
    matplotlib = pytest.importorskip("matplotlib")
    text = page(record)
    with matplotlib.rc_context({"axes.facecolor": "red", "svg.fonttype": "path", "font.size": 30, "axes.grid": True}):
        assert page(record) == text


def test_labels_reasons_and_commands_are_text(record):
    evil = '<script>alert("1")</script>$\\frac'
    made = record_of({evil: 0.03}, openings=[Opening(evil, "2026-01-01")])
    text = page(dataclasses.replace(made, command=evil, environment={"time": evil, "versions": {evil: evil}}))
    reader = read(text)
    assert reader.tags["script"] == 0
    assert "<script" not in text
    assert "".join(reader.words).count('alert("1")') > 5


def test_every_verdict_has_its_word_and_its_meaning(record):
    verdict = record.verdicts[0]
    labels = [f"trick-{d.name}" for d in Decision]
    verdicts = [
        dataclasses.replace(
            verdict, label=label, findings=(dataclasses.replace(verdict.headline, decision=d, seeds_needed=needed),)
        )
        for label, d, needed in zip(labels, Decision, (None, None, None, 12, 1_240), strict=True)
    ]
    changes = tuple(dataclasses.replace(record.changes[0], label=label) for label in labels)
    made = dataclasses.replace(record, verdicts=tuple(verdicts), arms=(record.baseline, *changes))
    words = " ".join("".join(read(page(made)).words).split())
    for decision, label in zip(Decision, labels, strict=True):
        assert f"{label}: {decision}," in words
        assert MEANINGS[decision] in words
    headline = words[words.index("5 changes to the baseline") : words.index("Verdicts", words.index("5 changes to"))]
    assert "trick-HELPS (+3.00 points) helps" in headline
    assert "trick-HURTS (+3.00 points) hurts" in headline
    assert "trick-NO_DIFFERENCE makes no difference worth caring about (±0.5 points)" in headline
    assert "too few seeds to tell about trick-TOO_FEW_SEEDS: it would take at least 12 seeds" in headline
    assert "trick-INCONCLUSIVE stays inconclusive: it would probably take about 1,240 seeds" in headline


def test_the_page_states_what_the_verdicts_assume(record):
    words = " ".join("".join(read(page(record)).words).split())
    for null in ("symmetric differences", "skewed differences", "collapses in both arms", "collapses in one arm"):
        assert re.search(rf"{null} ?\d+\.\d% ?\d+\.\d%", words)


def test_the_page_holds_command_settings_data_and_environment(record):
    opened = record_of({"epochs=40": 0.0}, openings=[Opening("the paper's last table", "2026-01-01")])
    longer = dataclasses.replace(opened.changes[0], experiment=jt.Experiment(epochs=40).to_json())
    words = " ".join("".join(read(page(dataclasses.replace(opened, arms=(opened.baseline, longer)))).words).split())
    for text in (COMMAND, "epochs 3 40".replace(" ", ""), "the paper's last table", "ab12, with changes on top", "0.10.2"):
        assert text in words
    assert "The test split had not been opened" in "".join(read(page(record)).words)


def test_the_page_says_what_the_openings_of_the_test_split_add_by_luck(study, tmp_path):
    data = dataclasses.replace(study.baseline.data, _opened=list(study.baseline.data._opened))  # other tests see one opening
    runs = dataclasses.replace(study.baseline, data=data)
    once = report.record_runs(runs, command=COMMAND)
    assert "By luck alone" not in page(once) and once.data.luck == 0
    data.open_test("one more model", reopen="a reviewer asked for it")
    twice = report.record_runs(runs, command=COMMAND)
    words = " ".join("".join(read(page(twice)).words).split())
    assert "opened 2 times before" in words and "one more model; again: a reviewer asked for it" in words
    assert "the best of 2 equal models looks up to 1.49 points better on it than it is" in words
    assert report.load(report.save(twice, tmp_path / "run")).data == twice.data


def test_a_study_with_a_collapsed_arm_has_a_page(study):
    ensemble = jt.ensemble(study.baseline).evaluate(study.baseline.data)
    record = report.record_study(study, command=COMMAND, ensemble=ensemble)
    text = page(record)
    words = " ".join("".join(read(text).words).split())
    assert "seed 3 (diverged at step" in words
    assert "Averaging the predictions of 4 restarts of the baseline, on" in words
    assert "to see that the page says so" in words
    assert "nan" not in words
    # The forest, and for each change the dots and six curves.
    assert read(text).tags["svg"] == 1 + 2 * 7


def test_a_run_has_a_page_without_verdicts(study):
    words = " ".join("".join(read(page(report.record_runs(study.baseline, command="jaxtricks run"))).words).split())
    assert "4 restarts of one experiment on digits ended with a mean validation accuracy of" in words
    assert "baseline" not in words


@pytest.mark.parametrize("epochs", [2, 3, 400])
def test_a_learning_curve_is_each_restart_their_mean_and_a_band(epochs):
    fallen = arm("a", [0.9, 0.8, 0.7, 0.95], epochs=epochs, diverged={1: 5})
    for name in ("accuracy", "train_loss"):
        alone, both = (str(plots.curves(name, fallen, change)) for change in (None, fallen))
        for svg, arms in ((alone, 1), (both, 2)):
            paths = re.findall(r'<path d="[^"]+" [^>]*style="([^"]*)"', svg)
            restarts = 4 if name == "accuracy" else 3  # one has diverged
            assert sum("stroke-opacity: 0.4" in path for path in paths) == restarts * arms
            assert sum(bool(re.search("stroke-width: 2(;|$)", path)) for path in paths) == svg.count("fill-opacity: 0.22") == arms
            assert not re.search(r' d="[^"]*\.\d{3}', svg)


def test_a_restart_alone_has_no_band():
    svg = str(plots.curves("accuracy", arm("a", [0.9])))
    assert svg.count("stroke-opacity: 0.4") == 1
    assert "fill-opacity: 0.22" not in svg and "nan" not in svg


def test_restarts_that_were_never_finite_are_named_and_said_not_to_count():
    made, name = record_of({"dropout=0.5": 0.03}, metric="nll"), "seed 0 (not finite at the initial weights)"
    change = made.changes[0]
    gone = dataclasses.replace(change, metrics=change.metrics | {"nll": (None, *change.metrics["nll"][1:])}, collapsed=(name,))
    words = " ".join("".join(read(page(dataclasses.replace(made, arms=(made.baseline, gone)))).words).split())
    assert "1 restart collapsed, and counts all the same, but for 1 without a finite negative log-likelihood" in words
    assert name in words and "nan" not in words and "never finite" not in "".join(read(page(made)).words)


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("metric", ["accuracy", "nll"])
def test_one_seed_and_a_loss_have_a_page_and_a_table(seeds, metric):
    made = record_of({"dropout=0.5": 0.03, "the same": 0.0}, seeds=seeds, metric=metric)
    words = "".join(read(page(made)).words)
    assert "too few seeds" in words
    assert "nan" not in words + report.table(made.verdicts)
    assert ("left" if metric == "nll" else "right") + " is better" in words


def test_a_far_difference_leaves_the_forest_by_an_arrow(record):
    words = "".join(read(page(record_of({"a": 0.01, "b": 0.01, "collapse": -0.8}))).words)
    assert "An arrow: collapse goes beyond the axis" in words
    assert "An arrow" not in "".join(read(page(record)).words)


# --- the table ------------------------------------------------------------------------------------------------------------


def test_the_table_is_aligned(record):
    fallen = ("baseline seed 3 (diverged at step 12)",)
    changed = ((), ("change seed 1 (diverged at step 5)", "change seed 2 (diverged at step 6)"), ())
    verdicts = [dataclasses.replace(v, collapsed=fallen + c) for v, c in zip(record.verdicts, changed, strict=True)]
    text = report.table(verdicts)
    first, header, *rows = text.splitlines()
    assert first == "validation accuracy, %; differences in points, margin ±0.5; 8 paired seeds; p after Holm over 3"
    assert len(max(text.splitlines(), key=len)) <= 110
    for column in ("baseline", "with it", "difference", "95% interval", "p "):
        end = header.index(column) + len(column.rstrip())
        assert all(row[end] == " " and row[end - 1] != " " for row in rows[:3])
    start = header.index("on these examples")
    assert [row[start:] for row in rows[:3]] == ["helps", "no difference", "hurts"]
    assert [row.split()[0] for row in rows[:3]] == [v.label for v in verdicts]
    # The baseline's own stands once, although every verdict names it.
    assert rows[-2:] == [
        "collapsed       baseline: seed 3 (diverged at step 12)",
        "collapsed       optimizer.clip_norm=0.1: seed 1 (diverged at step 5), seed 2 (diverged at step 6)",
    ]
    names = [row[:16].rstrip() for row in rows[3:-2]]
    assert names == ["these examples", "new data", "power", "pairing"]  # what the scope means, and why there is no other
    assert "nothing is said, since nothing is known of the examples" in rows[4] and "four times of five" in rows[5]


def test_the_table_says_how_many_seeds_it_would_take():
    text = report.table(record_of({"dropout=0.5": 0.03}, seeds=4).verdicts)
    assert "to tell         dropout=0.5: at least 6 seeds" in text
    assert "Holm" not in text
    assert report.table([]) == ""


def test_two_metrics_get_a_table_each(record):
    loss = record_of({"dropout=0.5": 0.03}, metric="nll")
    assert len(report.table((*record.verdicts, *loss.verdicts)).split("\n\n")) == 2


@pytest.mark.parametrize(
    ("widths", "places"), [((), 2), ((0.02, 0.01), 2), ((0.0004,), 3), ((1e-9,), 6), ((0.0, math.nan, 0.0004), 3)]
)
def test_decimals_show_two_digits_of_the_usual_interval(widths, places):
    assert units(METRICS["accuracy"].declared, widths).places == places


# --- environment, settings ------------------------------------------------------------------------------------------------


def test_the_environment_has_versions_and_device_and_no_names():
    made = environment()
    assert made["versions"]["jax"] == jax.__version__
    assert made["versions"]["jaxtricks"] == jt.__version__
    assert made["devices"] == jax.device_count()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made["time"])
    text = json.dumps(made)
    assert str(Path.home()) + "/" not in text
    assert str(Path.cwd()) not in text
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", text)


def test_differing_settings_are_those_of_the_experiments():
    base = jt.Experiment()
    other = base.replace({"model.dropout": 0.5, "epochs": 40, "optimizer.rule": jt.SGD(), "objective.l2": 1e-4})
    found = differing(base.to_json(), other.to_json())
    assert set(found) == set(base.diff(other))
    assert found["epochs"] == (20, 40)
    assert differing(base.to_json(), base.to_json()) == {}


def test_settings_are_written_short():
    assert setting(None) == "off"
    assert setting(True) == "true"
    assert setting([256, 256]) == "256 256"
    assert setting(1e-3) == "0.001"
    assert setting(0.1234567891) == "0.1234567891"
    assert setting({"kind": "inverted", "rate": 0.5}) == "inverted(rate=0.5)"
