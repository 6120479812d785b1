"""From words of a command line to a command, and to settings of an experiment."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union

import tyro

from jaxtricks.cli.command import Command, Settings
from jaxtricks.config import ConfigError, parse
from jaxtricks.experiment.experiment import Experiment

C = TypeVar("C", bound=Command)


def parsed(words: Sequence[str], commands: Mapping[str, type[C]]) -> tuple[C, Settings]:
    """The command with its flags, and the other flags, which may be settings of an experiment.

    Args:
        words: the command line without the program's name.
        commands: name → command, at least two.

    Raises:
        ConfigError: for a command that there is not, or a word where a flag should stand.
        SystemExit: for flags with wrong values, and after --help.

    >>> from jaxtricks.cli.entry import COMMANDS
    >>> command, settings = parsed(["run", "--seeds", "8", "--model.widths", "256", "256"], COMMANDS)
    >>> command.seeds, settings
    ((8,), {'model.widths': ['256', '256']})
    """
    if words and not words[0].startswith("-") and words[0] not in commands:
        raise ConfigError(f"there is no command {words[0]!r}; there are: {', '.join(commands)}.")
    kinds: Any = Union[tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in commands.items())]  # noqa: UP007
    command, rest = tyro.cli(
        kinds,
        prog="jaxtricks",
        description="Does a training trick help on your task, by how much, and is that more than luck?",
        args=words,
        return_unknown_args=True,
        config=(
            tyro.conf.OmitSubcommandPrefixes,
            tyro.conf.FlagCreatePairsOff,
            tyro.conf.DisallowNone,
            tyro.conf.PositionalMetavarFromFieldName,
        ),
    )
    return command, _settings(rest)


def experiment_from(file: Path | None, settings: Settings) -> Experiment:
    """The experiment of a JSON file, or the default one, with settings in place of its own.

    Args:
        file: as every run writes `config.json`; None for the default experiment.
        settings: path → the words of its value.

    Raises:
        ConfigError: for a file that is no config, an unknown setting or a value that it does not take.

    >>> experiment_from(None, {"model.widths": ["64", "64"]}).model.widths
    (64, 64)
    """
    experiment = Experiment() if file is None else _read(file)
    for path, words in settings.items():
        experiment = experiment.replace({path: parse(experiment, path, words)})
    return experiment


def changed(baseline: Experiment, words: Sequence[str]) -> Experiment:
    """The baseline with each `path=value` of a change.

    Args:
        baseline: what is changed.
        words: such as ("model.dropout=0.5", "optimizer.clip_norm=1").

    Raises:
        ConfigError: for a word of another form, an unknown setting or a value that it does not take.

    >>> changed(Experiment(), ("model.dropout=0.5", "epochs=3")).epochs
    3
    """
    for word in words:
        path, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"--change {word!r} is not path=value, such as model.dropout=0.5.")
        baseline = baseline.replace({path: parse(baseline, path, [value])})
    return baseline


def _settings(words: Sequence[str]) -> Settings:
    """`--model.widths 256 256` → {"model.widths": ["256", "256"]}."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            current = found.setdefault(name.replace("-", "_"), [])
            current += [value] if equals else []
        elif current is None:
            raise ConfigError(f"{word!r} stands where a flag should, such as --model.dropout.")
        else:
            current.append(word)
    return found


def _read(file: Path) -> Experiment:
    try:
        return Experiment.from_json(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"--config {file} is not JSON: byte {error.start} is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"--config {file} is not JSON: {error.msg} in line {error.lineno}.") from None
