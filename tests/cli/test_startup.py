"""What a newcomer types first, and what that costs."""

import contextlib
import io
import os
import shlex
import subprocess
import sys

import pytest

import jaxtricks as jt
from jaxtricks import cli
from jaxtricks.cli.completion import START
from jaxtricks.cli.entry import COMMANDS, found
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.settings import settings


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"]])
def test_help_and_version_come_without_waiting_for_jax(words):
    code = f"import sys; from jaxtricks import cli; cli.main({words}); sys.exit('jax' in sys.modules or 'numpy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    assert ended.stdout == f"jaxtricks {jt.__version__}\n" if words == ["--version"] else "jaxtricks compare" in ended.stdout


def test_the_short_help_names_every_command_in_a_line(capsys):
    cli.main([])
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in COMMANDS)
    assert max(map(len, said.splitlines())) < 120 and said.count("\n") < 42


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
    parser = Parser(found(name), name)
    groups = [(group.title, group._group_actions) for group in parser._action_groups if group._group_actions]
    assert all(action.help for _, actions in groups for action in actions)
    titles = [title for title, _ in groups]
    assert titles[-1] == "help" and ("processes" not in titles or titles[-2] == "processes")
    if name == "compare":
        assert titles[0] == "compare" and groups[0][1][0].option_strings == ["--change"]


def test_every_setting_is_listed_with_words_and_by_its_part_of_the_experiment(capsys):
    assert all(setting.words for setting in settings(jt.Experiment()))
    cli.main(["list", "settings"])
    lines = capsys.readouterr().out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[:4] == ["experiment:", "model:", "optimizer:", "objective:"] and len(set(titles)) == len(titles)
    assert all(line.startswith("  --") for line in lines if line not in titles)


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    """What bash completes."""
    place = tmp_path_factory.mktemp("completion") / "jaxtricks.bash"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        cli.main(["completion", "bash"])
    place.write_text(said.getvalue())

    def complete(*words):
        line = f"source {place}; COMP_WORDS=({shlex.join(('jaxtricks', *words))}); COMP_CWORD={len(words)}; _jaxtricks"
        ended = subprocess.run(["bash", "-c", line + '; printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True)
        assert ended.stderr == ""
        return ended.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["com"], ["compare", "completion"]),
        (["compare", "--cha"], ["--change"]),
        (["run", "--optimizer.clip-n"], ["--optimizer.clip-norm"]),
        (["run", "--optimizer.rule.mom"], ["--optimizer.rule.momentum"]),  # of other rules, too
        (["run", "--optimizer.schedule", "warmup_co"], ["warmup_cosine"]),
        (["run", "--model", "r"], ["rnn"]),
        (["compare", "--change", "model.widths"], ["model.widths="]),
        (["search", "--strat"], ["--strategy"]),
        (["search", "--space", "model.widths"], ["model.widths="]),
        (["search", "--optimizer.clip-n"], ["--optimizer.clip-norm"]),
        (["watch", "--model"], []),  # takes no settings
        (["ladder", "--step", "model.widths"], ["model.widths="]),
        (["list", "tr"], ["tricks"]),
        (["completion", "z"], ["zsh"]),
        (["judge", "--better", "hi"], ["higher"]),
    ],
)
def test_a_shell_completes_commands_flags_settings_and_names(words, found, completed):
    assert completed(*words) == found


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_shell_completes_every_command_and_all_of_its_flags(name, completed):
    assert name in completed(name)
    assert set(Parser(found(name), name).flags) <= set(completed(name, "--"))


def test_zsh_gets_the_same_script_after_its_own_start(capsys):
    cli.main(["completion", "bash"])
    bash = capsys.readouterr().out
    cli.main(["completion", "zsh"])
    assert capsys.readouterr().out == START["zsh"] + bash
