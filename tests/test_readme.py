"""Every snippet of Python and every command of the README runs as it is printed, with fewer epochs and examples."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import jaxtricks as jt
from jaxtricks.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^(?:    |\$ )(jaxtricks .*)$", README, flags=re.MULTILINE)
SMALLER = {
    r"(jt\.examine\(.*?)seeds=8\b": r"\1seeds=2, most=0",
    r"rounds=3": "rounds=1",
    r"(jt\.(?:compare|study|ladder)\((?!.*tune=).*?)seeds=(?:8|16)\b": r"\1seeds=2, tune=None",
    r"epochs=20|epochs=10": "epochs=1",
    r"epochs=40": "epochs=2",
    r"budget=64": "budget=10",
    "256": "16",
    r"\(128, 128\)": "(8, 8)",
    r"seeds=(8|16)\b": "seeds=2",
    r"Seeds\(8,": "Seeds(2,",
    r"trials=(64|32)": "trials=8",
}
ROWS = [
    (2 + place % 4, ("Oslo", "Bergen", "")[place % 3], f"2026-0{1 + place % 9}-15", 150_000 + 9_000 * (place % 7))
    for place in range(120)
]


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """A folder with what a newcomer brings."""
    monkeypatch.chdir(tmp_path)
    lines = ["rooms,town,sold,price", *(",".join(map(str, row)) for row in ROWS)]
    Path("table.csv").write_text("\n".join(lines))
    Path("new.csv").write_text("\n".join(lines))
    for kind, gray in (("dark", 10), ("light", 200)):
        Path("pictures", kind).mkdir(parents=True)
        for place in range(6):
            Image.new("L", (8, 8), gray + place).save(f"pictures/{kind}/{place}.png")
    Path("path/to/wikitext-2").mkdir(parents=True)
    for part in ("train", "valid", "test"):
        Path(f"path/to/wikitext-2/{part}.txt").write_text("so it goes , and so it went on .\n" * 200)
    return tmp_path


def test_the_snippets_run_one_after_the_other(newcomer, monkeypatch):
    load = jt.load

    def few(*args, **options):
        data = load(*args, **options)
        return data.subset(min(400, len(data) // 2), seed=0)

    monkeypatch.setattr(jt, "load", few)
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    names: dict[str, object] = {"__name__": "readme"}
    for number, snippet in enumerate(SNIPPETS):
        for printed, small in SMALLER.items():
            snippet = re.sub(printed, small, snippet)
        exec(compile(snippet, f"README.md, snippet {number}", "exec"), names)


def test_the_commands_run_one_after_the_other(newcomer, monkeypatch, capsys):
    # The suite's devices are set up already.
    monkeypatch.setattr("jaxtricks.cli.flags.set_up", lambda members: None)
    for printed in COMMANDS:
        command = (
            re.sub(r"--seeds (8|16|32)\b", "--seeds 2", printed)
            .replace("--add-seeds 8", "--add-seeds 2")
            .replace("--epochs 40", "--epochs 2")
            .replace("--trials 64", "--trials 10")
        )
        command = (
            command.replace("s3://", "memory://").replace("fashion_mnist", "iris").replace("tiny_shakespeare", "python_topics")
        )
        words = shlex.split(command, comments=True)[1:]
        training = words[0] in ("run", "compare", "ablate", "ladder", "search", "doctor") and "--add-seeds" not in words
        judging = training and words[0] in ("compare", "ablate", "ladder") and "table.csv" not in words  # there arms are tuned
        code = code_of(
            [
                *words,
                *(["--epochs", "1"] if training else []),
                *(["--tune", "none"] if judging else []),
                *(["--most", "0"] if words[0] == "doctor" else []),
            ]
        )
        said = capsys.readouterr().err.splitlines()[-1:]
        whole = "after a crash" in printed and "is finished" in said[0]  # the command is right, and there was no crash
        assert whole or not code, f"{printed}: {said}"


def code_of(words):
    """The exit code of a command line."""
    try:
        main(words)
    except SystemExit as end:
        return end.code
    return 0
