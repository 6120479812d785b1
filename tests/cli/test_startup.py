"""What a newcomer types first, and what that costs."""

import os
import subprocess
import sys

import pytest

import jaxtricks
from jaxtricks import cli
from jaxtricks.cli.dispatch import _found
from jaxtricks.cli.entry import COMMANDS
from jaxtricks.cli.parser import Parser


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"]])
def test_help_and_version_come_without_waiting_for_jax(words):
    code = f"import sys; from jaxtricks import cli; cli.main({words}); sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    assert (
        ended.stdout == f"jaxtricks {jaxtricks.__version__}\n" if words == ["--version"] else "jaxtricks compare" in ended.stdout
    )


def test_the_short_help_names_every_command_in_a_line(capsys):
    cli.main([])
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in COMMANDS)
    assert max(map(len, said.splitlines())) < 120 and said.count("\n") < 25


@pytest.mark.parametrize("words", [["--help"], ["list", "metrics"], ["compare", "--help"]])
def test_a_reader_that_has_enough_ends_any_command_without_a_word(words, capsys, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
    assert stop.value.code == 0 and capsys.readouterr().err == ""


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_flag_has_words_and_those_of_processes_come_last(name):
    parser = Parser(_found(name, COMMANDS), name)
    groups = [(group.title, group._group_actions) for group in parser._action_groups if group._group_actions]
    assert all(action.help for _, actions in groups for action in actions)
    titles = [title for title, _ in groups]
    assert titles[-1] == "help" and ("processes" not in titles or titles[-2] == "processes")
    if name == "compare":
        assert titles[0] == "compare" and groups[0][1][0].option_strings == ["--change"]
