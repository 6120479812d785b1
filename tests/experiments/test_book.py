"""The claims' machinery: every claim at smoke scale, the book that goes on where it stopped, and the page as committed."""

import dataclasses
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import experiments
from experiments import __main__ as cli
from experiments import claims as shelf
from experiments import evidence, plots, record
from experiments.record import Result
from experiments.rows import WITHOUT
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.evaluate.claim import (
    RULES,
    Axes,
    Claim,
    Curve,
    Earlier,
    Estimate,
    Outcome,
    Paper,
    Ruling,
    Scale,
    Scales,
    digest,
    holds,
    settle,
)
from jaxtricks.train import fit as fitting

CLAIMS = shelf.claims()
KEPT = record.load(shelf.ROOT)
SHARED = shelf.ROOT.parents[1] / "shared"


def outcome(scale):
    curve = Curve("a|b $x$", (1.0, 2.0), (0.0, 0.5), (-1.0, 0.0), (1.0, 1.0))
    parts = [settle("is above", Estimate(-1.0, -2.0, -0.5), above=0)]
    return Outcome(parts, "none | at all", {"seeds": scale.seeds}, (curve,), Axes("x", "y"))


@pytest.fixture
def stage(monkeypatch):
    """Puts claims on the shelf in place of the real ones, each a function of the scale; and counts their runs."""
    runs = []

    def put(*, kind="effect", history=(), **measures):
        def claim(name, measure):
            def counted(scale):
                """Measures nothing."""
                runs.append(name)
                return measure(scale)

            counted.__module__ = f"experiments.stage.{name}"
            return Claim(("T056",), 0, f"{name} | is so", (Paper("P", "R"),), "Otherwise.", counted, kind, history, Scales(cpu=7))

        made = {name: claim(name, measure) for name, measure in measures.items()}
        monkeypatch.setattr(shelf, "claims", lambda: made)
        monkeypatch.setattr(cli, "claims", lambda: made)
        return runs

    return put


# --- the claims ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_runs_at_smoke_scale_and_gives_a_whole_result(name, monkeypatch):
    asked, budget, fitted, fit = [], Scale.budget, [], fitting._fitted
    monkeypatch.setattr(fitting, "_fitted", lambda *given: fitted.append(given) or fit(*given))
    monkeypatch.setattr(Scale, "budget", lambda scale, **numbers: asked.append(numbers) or budget(scale, **numbers))
    result = json.loads(json.dumps(record.run(CLAIMS[name], CLAIMS[name].at("smoke")), allow_nan=False))
    assert result.keys() == Result.__annotations__.keys()
    assert result["verdict"] in list(Ruling)  # which one means nothing at this scale
    assert result["effect"] and not result["effect"].endswith(".") and "nan" not in result["effect"]
    assert result["numbers"] and result["series"]
    for curve in result["series"]:
        assert len(curve["x"]) == len(curve["mean"]) == len(curve["low"]) == len(curve["high"]) >= 1
        assert all(low <= mean <= high for low, mean, high in zip(curve["low"], curve["mean"], curve["high"], strict=True))
    ET.fromstring(plots.svg(result))
    if CLAIMS[name].kind != "identity":  # of which none is trained twice as long
        assert CLAIMS[name].trains == bool(asked), "trains=False is for claims that ask for no Scale.budget"
    if CLAIMS[name].trainings is not None:
        trainings = CLAIMS[name].trainings(CLAIMS[name].at("smoke"))
        said = sum(each.restarts * each.experiment.epochs * len(each.data) for each in trainings)
        done = sum(len(wanted) * len(seeds) * wanted[0].epochs * len(data) for wanted, _, data, seeds, *_ in fitted)
        assert said == done, "trainings are what it trains, in restarts × epochs × examples"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the lectures do not stand beside the project")
@pytest.mark.parametrize("name", CLAIMS)
def test_a_statement_is_in_the_lectures_own_words(name):
    def words(text):
        text = re.sub(r"</?\w+>", "", text)
        text = re.sub(r"\[(.*?)\]\(#.*?\)", r"\1", text.replace("\\[", "[").replace("\\]", "]"))  # a link's text
        return " ".join(re.sub(r"[$*]", "", text).replace("\\varepsilon", "ε").split())

    claim = CLAIMS[name]
    lecture = words(next((SHARED / "lectures").glob(f"{claim.lecture:03}_*.txt")).read_text())
    assert [part for part in claim.statement.split("…") if words(part) not in lecture] == []
    inventory = (SHARED / "inventory.md").read_text()
    for row in claim.rows:
        lectures = re.search(rf"^\| {row} \| (?:— \(ext\. of )?([\d,]+)\)? \|", inventory, re.MULTILINE)
        assert lectures and str(claim.lecture) in lectures[1].split(",")


def test_a_new_claim_is_one_new_file(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    monkeypatch.setattr(shelf, "ROOT", tmp_path)
    chapter = tmp_path / "stagecraft"
    chapter.mkdir()
    (chapter / "__init__.py").write_text("")
    (chapter / "_helpers.py").write_text("raise AssertionError\n")
    text = (Path(evidence.__file__).parent / "feedforward" / "dropout.py").read_text()
    (chapter / "another.py").write_text(text)
    try:
        found = shelf.claims()
        assert [(name, claim.chapter) for name, claim in found.items()] == [("another", "stagecraft")]
        (chapter / "borrowed.py").write_text("from experiments.stagecraft.another import CLAIM\n")
        with pytest.raises(ConfigError, match=r"experiments\.stagecraft\.borrowed .* no CLAIM"):
            shelf.claims()
    finally:
        for module in [module for module in sys.modules if module.startswith("experiments.stagecraft")]:
            del sys.modules[module]


# --- the command line ---------------------------------------------------------------------------------------------------


def test_list_gives_every_claim_and_its_verdict(capsys):
    assert cli.main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(CLAIMS)
    kept = record.largest(KEPT)
    for row in rows:
        claim, result = CLAIMS[row["name"]], kept.get(row["name"])
        assert row == {
            "name": claim.name,
            "chapter": claim.chapter,
            "kind": claim.kind,
            "rows": list(claim.rows),
            "statement": claim.statement,
            "verdict": result and result["verdict"],
            "seconds": result and result["seconds"],
        }
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(claim.statement in line for claim, line in zip(CLAIMS.values(), lines, strict=True))


def test_an_unknown_name_ends_in_one_sentence_with_the_nearest():
    command = [sys.executable, "-m", "experiments", "run", "dropuot"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=shelf.ROOT.parent, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "experiments: there is no claim 'dropuot'; did you mean 'dropout'?\n"


@pytest.mark.parametrize("command", ["run", "book"])
def test_too_few_seeds_are_refused_before_anything_runs(command, stage, tmp_path, capsys):
    runs = stage(first=outcome)
    folder = [] if command == "run" else ["--folder", str(tmp_path)]
    assert cli.main([command, "--seeds", "1", *folder]) == 2
    assert capsys.readouterr().err.startswith("experiments: seeds = 1") and runs == []


def test_run_prints_results_and_keeps_nothing(stage, capsys):
    runs = stage(first=outcome, second=outcome)
    assert cli.main(["run", "second", "--seeds", "3", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert runs == ["second"] and (result["claim"], result["scale"], result["seeds"]) == ("second", "cpu", 3)
    assert cli.main(["run"]) == 0
    assert "first (T056; cpu, 7 seeds" in capsys.readouterr().out


def test_book_goes_on_where_it_stopped(stage, tmp_path, capsys):
    def stopped(scale):
        raise KeyboardInterrupt

    book = ["book", "--folder", str(tmp_path)]
    runs = stage(first=outcome, second=stopped)
    assert cli.main(book) == 130
    assert [path.name for path in (tmp_path / "results").glob("*.json")] == ["first-cpu.json"]
    assert "first \\| is so" in (tmp_path / "EVIDENCE.md").read_text()
    before = (tmp_path / "results" / "first-cpu.json").read_bytes()

    runs.clear()
    stage(first=outcome, second=outcome)
    assert cli.main(book) == 0
    assert capsys.readouterr().out.count("second (T056") == 1
    assert (tmp_path / "results" / "first-cpu.json").read_bytes() == before
    page = (tmp_path / "EVIDENCE.md").read_text()
    assert page.index("first \\| is so") < page.index("second \\| is so")
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        f"{name}-cpu.{ending}" for name in ("first", "second") for ending in ("json", "svg")
    }

    counts = stage(first=outcome, second=outcome)
    counts.clear()
    assert cli.main(book) == 0 and counts == []
    assert cli.main([*book, "first", "--again"]) == 0 and counts == ["first"]
    assert cli.main([*book, "--scale", "full"]) == 0 and counts == ["first", "first", "second"]
    assert len(list((tmp_path / "results").glob("*.json"))) == 4
    assert {result["scale"] for result in record.largest(record.load(tmp_path)).values()} == {"full"}


def test_smoke_is_never_kept(stage, tmp_path):
    runs = stage(first=outcome)
    for _ in range(2):
        assert cli.main(["book", "--scale", "smoke", "--folder", str(tmp_path)]) == 0
    assert runs == ["first", "first"] and not list(tmp_path.rglob("*.json"))


def test_a_claim_that_fails_does_not_stop_the_others(stage, tmp_path, capsys):
    def unprepared(scale):
        raise DataError("'mnist' is not prepared.")

    def broken(scale):
        return {}["key"]

    stage(first=unprepared, second=broken, third=outcome)
    assert cli.main(["book", "--folder", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "experiments: first: 'mnist' is not prepared.\n" in printed.err and "KeyError: 'key'" in printed.err
    assert [result["claim"] for result in record.load(tmp_path)] == ["third"]


@pytest.mark.parametrize("text", ["{", "[]", '{"claim": "x"}'])
def test_a_damaged_result_is_named(text, tmp_path, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x-cpu.json").write_text(text)
    assert cli.main(["list", "--folder", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "x-cpu.json is no result of a claim" in line


# --- the page -----------------------------------------------------------------------------------------------------------


def test_the_committed_page_is_what_the_committed_results_give():
    assert KEPT, "there are no results"
    files = evidence.files(KEPT, WITHOUT)
    assert not [name for name, text in files.items() if name.endswith(".svg") and "mathdefault" in text]
    assert (shelf.ROOT / "EVIDENCE.md").read_text() == files["EVIDENCE.md"]
    plots = {f"results/{path.name}" for path in (shelf.ROOT / "results").glob("*.svg")}
    assert plots == files.keys() - {"EVIDENCE.md"}


@pytest.mark.parametrize("result", KEPT, ids=record.stem)
def test_a_committed_result_is_of_the_claim_as_it_stands(result):
    """By today's rules; results of earlier ones are marked as such on the page until they have been run again."""
    claim = CLAIMS[result["claim"]]
    assert result["scale"] != "smoke" and result["device"] and result["versions"]["jax"] and result["commit"]
    if result["rules"] == RULES:
        fixed = [result["state"], tuple(result["rows"]), result["lecture"], result["seeds"]]
        assert fixed == [claim.state, claim.rows, claim.lecture, claim.at(result["scale"]).seeds]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_criterion_that_changed_after_a_result_is_in_the_history(name):
    record.check(CLAIMS[name], KEPT)
    assert CLAIMS[name].seeds.cpu == 0 or CLAIMS[name].seeds.cpu >= 16


def test_rows_without_a_result_say_why_and_rows_with_one_do_not():
    rows = {row for result in KEPT for row in result["rows"]}
    assert not rows & WITHOUT.keys() and rows | WITHOUT.keys() == {f"T{number:03}" for number in range(1, 123)}


def test_the_page_says_what_it_must(stage):
    stage(first=outcome)
    claim = shelf.claims()["first"]
    result = dict(record.run(claim, claim.at("cpu")), commit="0123456789abcdef", dirty=True, seconds=12.3)
    files = evidence.files([result], {})
    assert files == evidence.files([json.loads(json.dumps(result))], {})  # pure, and the same from the file
    page = files["EVIDENCE.md"]
    row = f"| T056 | [first \\| is so](#first-cpu) | effect | **refuted** |  |  | {result['p']:.2g} | none \\| at all | 7 | 12 |"
    assert row in page and "commit 0123456789ab with changes" in page and "P (recalled, not re-read)" in page
    assert "(results/first-cpu.svg)" in page and "Refuted by: Otherwise." in page
    svg = files["results/first-cpu.svg"]
    assert "a|b $x$" in "".join(ET.fromstring(svg).itertext()) and "<dc:date>" not in svg
    assert (
        "(decided by:" not in page  # there is but one
        and "- is above (effect, new data, p = 8.9e-05): **refuted**: -1 [-2, -0.5], above 0?" in page
    )
    exact = evidence.files([result | {"seeds": 0}], {})["EVIDENCE.md"]
    assert "none \\| at all | no | 12 |" in exact


def test_no_file_is_left_half_written(tmp_path, monkeypatch):
    path = tmp_path / "page.md"
    record.replace(path, "old")
    monkeypatch.setattr(Path, "write_text", lambda self, text, encoding: self.write_bytes(b"ne") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record.replace(path, "new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_dataclass_results_stay_in_step():
    """A field of an outcome that no result holds would be lost without a word."""
    assert {field.name for field in dataclasses.fields(Outcome)} <= Result.__annotations__.keys()


# --- history, replication, luck -----------------------------------------------------------------------------------------


def test_a_changed_criterion_is_refused_until_the_history_tells_it(stage, tmp_path, capsys):
    book = ["book", "--folder", str(tmp_path)]
    stage(first=outcome)
    assert cli.main(book) == 0
    path = tmp_path / "results" / "first-cpu.json"
    earlier = json.loads(path.read_text())
    earlier["refuted_by"] = "Something else."
    earlier |= {"criterion": digest("Something else."), "criteria": [digest("Something else.")]}
    path.write_text(json.dumps(earlier))

    runs = stage(first=outcome)
    runs.clear()
    capsys.readouterr()
    assert cli.main(book) == 2 and runs == []
    assert f"history needs an Earlier(…, criterion='{digest('Something else.')}')" in capsys.readouterr().err

    told = Earlier("2026-11-28", "the criterion", "a result had been seen", Ruling.REFUTED, digest("Something else."))
    stage(history=(told,), first=outcome)
    assert cli.main([*book, "--again"]) == 0
    (kept,) = record.load(tmp_path)
    assert kept["criteria"] == [digest("Something else."), digest("Otherwise.")] and kept["history"][0]["verdict"] == "refuted"
    assert (
        "- 2026-11-28: the criterion, because a result had been seen (until then: refuted)"
        in (tmp_path / "EVIDENCE.md").read_text()
    )

    stage(first=outcome)  # the entry is taken out again: what was judged by is not forgotten
    assert cli.main([*book, "--again"]) == 2


def test_only_what_is_not_current_is_run_again(stage, tmp_path):
    book = ["book", "--folder", str(tmp_path)]
    runs = stage(first=outcome, second=outcome)
    assert cli.main(book) == 0
    page = tmp_path / "EVIDENCE.md"
    before = page.read_text()
    page.unlink()
    runs.clear()
    assert cli.main(["page", "--folder", str(tmp_path)]) == 0 and page.read_text() == before and runs == []
    path = tmp_path / "results" / "first-cpu.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rules": RULES - 1}))
    runs.clear()
    assert cli.main(book) == 0 and runs == ["first"]


def test_effects_are_replicated_on_other_seeds_and_the_page_has_both(stage, tmp_path, capsys):
    def unlike(scale):
        sign = -1 if scale.replication else 1
        parts = [settle("is above", Estimate(sign * 1.0, sign * 1.0 - 0.5, sign * 1.0 + 0.5), above=0)]
        return dataclasses.replace(outcome(scale), parts=parts, numbers={"seeds": list(scale.restarts)})

    def formula(scale):
        return dataclasses.replace(outcome(scale), parts=[holds("is so", True, "it is")])

    runs = stage(first=outcome, second=unlike)
    book = ["book", "--folder", str(tmp_path)]
    assert cli.main(book) == 0 and cli.main([*book, "--replicate"]) == 0
    assert runs == ["first", "second"] * 2
    first, again = (record.load(tmp_path)[2 + place] for place in (0, 1))
    assert not set(first["numbers"]["seeds"]) & set(again["numbers"]["seeds"])
    page = (tmp_path / "EVIDENCE.md").read_text()
    assert "of 2 claims that were run again, 1 came to the same verdict" in page
    assert "of the 2 firm ones 1 did, 0 became open, and 1 were reversed" in page
    assert "| effect | **supported** | refuted |  |" in page and "Run again, on other restarts: **refuted**" in page
    assert "2 verdicts could be luck" in page and f"{0.05 * 2:.1f}, would be firm by luck alone" in page

    assert "Of the 2 whose q is below 0.01, 1 did." in page

    changed = dataclasses.replace(shelf.claims()["first"], used=2)
    result = record.run(changed, changed.at("cpu"))
    assert result["replication"] == 0 and not record.current(changed, first)

    runs = stage(kind="identity", third=formula)
    runs.clear()
    assert cli.main(["run", "--replicate"]) == 0 and runs == []  # luck cannot decide it


def test_what_is_trained_is_trained_twice_as_long_and_the_page_has_both(stage, tmp_path):
    def slow(scale):
        reached = scale.budget(smoke=1, cpu=10, full=10) - 15.0
        parts = [settle("is above", Estimate(reached, reached - 1, reached + 1), above=0)]
        return dataclasses.replace(outcome(scale), parts=parts, numbers={"seeds": list(scale.restarts)})

    runs = stage(first=outcome, second=slow)
    fixed = dataclasses.replace(shelf.claims()["first"], trains=False)
    shelf.claims()["first"] = fixed
    book = ["book", "--folder", str(tmp_path)]
    assert cli.main(book) == 0 and cli.main([*book, "--twice"]) == 0 and runs == ["first", "second", "second"]
    _, once, twice = record.load(tmp_path)
    assert (once["verdict"], twice["verdict"]) == ("refuted", "supported") and once["numbers"] == twice["numbers"]
    page = (tmp_path / "EVIDENCE.md").read_text()
    assert "of 1 claim that were trained twice as long" in page and "another one: second (refuted, then supported)" in page
    assert "| **refuted** |  | supported |" in page and "Trained twice as long: **supported**" in page
    assert record.largest(record.load(tmp_path))["second"]["verdict"] == "refuted"  # the book judges by the first run


def test_a_false_discovery_correction_stands_beside_each_effect(stage):
    stage(first=outcome)
    result = record.run(shelf.claims()["first"], shelf.claims()["first"].at("cpu"))
    results = [result | {"claim": f"claim {i}", "p": p} for i, p in enumerate((0.01, 0.02, 0.03, 0.5))] + [result | {"p": None}]
    assert list(evidence.discoveries(results).values()) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert len(evidence.discoveries(results, "by")) == 4
    assert evidence.discoveries([result | {"rules": 1}]) == {}
