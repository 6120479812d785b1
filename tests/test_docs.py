"""The tutorial runs, commands and links of the site are there, and its chapters tell what the claims' results tell."""

import re
from pathlib import Path

import pytest

import jaxtricks as jt
from experiments import lectures, record
from experiments.claims import ROOT
from jaxtricks.cli.entry import COMMANDS
from tests.test_readme import ROWS, SMALLER

DOCS = ROOT.parent / "docs"
TEXTS = {path.name: path.read_text() for path in sorted(DOCS.glob("*.md"))}


def test_the_tutorial_runs_as_it_is_printed_with_fewer_seeds_and_epochs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = ["rooms,town,sold,price", *(",".join(map(str, row)) for row in ROWS)]
    Path("table.csv").write_text("\n".join(lines))
    smaller = {r"(jt\.ablate\(.*?)seeds=8": r"\1seeds=2, tune=None"} | SMALLER
    names: dict[str, object] = {}
    for number, snippet in enumerate(re.findall(r"^```python\n(.*?)^```", TEXTS["tutorial.md"], re.DOTALL | re.MULTILINE)):
        for printed, small in smaller.items():
            snippet = re.sub(printed, small, snippet)
        exec(compile(snippet, f"tutorial.md, snippet {number}", "exec"), names)
    assert (tmp_path / "runs/first/report.html").is_file()


@pytest.mark.parametrize("name", TEXTS)
def test_commands_that_the_site_names_are_there(name):
    named = re.findall(r"(?:^    |`|\$ )jaxtricks ([a-z][a-z-]*)", TEXTS[name], re.MULTILINE)
    assert set(named) <= set(COMMANDS)


@pytest.fixture(scope="module")
def results():
    return record.load(ROOT)


@pytest.fixture(scope="module")
def pages(results):
    return lectures.pages(jt.extend.catalogue(), results)


def test_every_statement_and_every_trick_stands_on_the_site_once(pages, results):
    largest = record.largest(results).values()
    sections = re.findall(r"^### .*\{ #(\w+) \}$", "\n".join(pages.values()), re.MULTILINE)
    assert sorted(sections) == sorted(result["claim"] for result in largest)
    rows = [line for text in pages.values() for line in text.splitlines() if re.match(r"\| .*`.*--change ", line)]
    assert len(rows) == len(jt.extend.catalogue())


def test_a_statement_has_its_verdict_beside_it(pages, results):
    for result in record.largest(results).values():
        section = pages[f"lectures/{result['chapter']}.md"].partition(f"{{ #{result['claim']} }}")[2].partition("\n### ")[0]
        assert lectures.plain(result["statement"]) in section and f"**{result['verdict'].capitalize()}**" in section


def test_links_between_the_chapters_lead_to_a_statement(pages):
    anchors = {(path.rpartition("/")[2], name) for path, text in pages.items() for name in re.findall(r"\{ #(\w+) \}", text)}
    for path, text in pages.items():
        own = path.rpartition("/")[2]
        assert {(page or own, name) for page, name in re.findall(r"\]\(([\w.]*)#(\w+)\)", text)} <= anchors


@pytest.mark.parametrize(
    ("path", "switch"),
    [
        ("model.dropout", "--change model.dropout=0.5"),
        ("optimizer.rule=adamw", "--change optimizer.rule=adamw"),
        ("model.cell=gru", "--model rnn --change model.cell=gru"),
    ],
)
def test_a_switch_is_what_the_command_line_takes(path, switch):
    (entry,) = (entry for entry in jt.extend.catalogue() if entry.path == path)
    assert str(lectures.Switch.of(entry)) == switch
