"""From words of a command line to a command, and to settings of an experiment."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.parser import Parser
from jaxtricks.config import ConfigError, items, nearest, parse
from jaxtricks.config.paths import meant
from jaxtricks.experiment.experiment import Experiment

C = TypeVar("C", bound=Command)


def parsed(words: Sequence[str], commands: Mapping[str, type[C]]) -> tuple[C, Settings]:
    """The command with its flags, and the other flags, which may be settings of an experiment.

    Args:
        words: the command line without the program's name; the command's name stands first.
        commands: name → command.

    Raises:
        ConfigError: for a command that there is not, a value that a flag does not take, or a word where a flag should stand.
        SystemExit: after --help.

    >>> from jaxtricks.cli.train import COMMANDS
    >>> command, settings = parsed(["run", "--seeds", "8", "--model.widths", "256", "256"], COMMANDS)
    >>> command.seeds, settings
    ((8,), {'model.widths': ['256', '256']})
    """
    name, *rest = words
    if name not in commands:
        raise ConfigError(f"there is no command {name!r}{nearest(name, list(commands))}")
    parser = Parser(commands[name], name)
    own, settings = _sorted(rest, parser.flags)
    given, astray = parser.parse_known_args(own)
    if astray:
        raise ConfigError(f"{astray[0]!r} stands where a flag should, such as --model.dropout.")
    return commands[name](**{flag: _fixed(value) for flag, value in vars(given).items()}), settings


def experiment_from(file: Path | None, settings: Settings, flags: Sequence[str] = ()) -> Experiment:
    """The experiment of a JSON file, or the default one, with settings in place of its own.

    Args:
        file: as every run writes `config.json`; None for the default experiment.
        settings: path, or its last part → the words of its value.
        flags: those of the command itself, one of which may be meant by a setting that there is not.

    Raises:
        ConfigError: for a file that is no config, an unknown setting or a value that it does not take.

    >>> experiment_from(None, {"model.widths": ["64", "64"]}).model.widths
    (64, 64)
    """
    experiment = Experiment() if file is None else _read(file)
    for name, words in settings.items():
        experiment = _set(experiment, _flagged(experiment, name, flags), words)
    return experiment


def changed(baseline: Experiment, words: Sequence[str], flag: str = "--change") -> Experiment:
    """The baseline with each `path=value` of a change.

    Args:
        baseline: what is changed.
        words: such as ("model.dropout=0.5", "optimizer.clip_norm=1").
        flag: what the user wrote before them.

    Raises:
        ConfigError: for a word of another form, an unknown setting or a value that it does not take.

    >>> changed(Experiment(), ("model.dropout=0.5", "epochs=3")).epochs
    3
    """
    for word in words:
        path, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{flag} {word!r} is not path=value, such as model.dropout=0.5.")
        baseline = _set(baseline, meant(baseline, path), [value])
    return baseline


def _set(experiment: Experiment, path: str, words: Sequence[str]) -> Experiment:
    return experiment.replace({path: parse(experiment, path, words)})


def _flagged(experiment: Experiment, name: str, flags: Sequence[str]) -> str:
    """The setting that a flag stands for."""
    path = meant(experiment, name)
    settings = [setting for setting, _, _ in items(experiment)]
    if "." not in path and path not in settings:
        flag, known = (f"--{path}".replace("_", "-"), [*flags, *("--" + setting.replace("_", "-") for setting in settings)])
        near = nearest(flag, known, []).removesuffix(".") or "; --help and `jaxtricks list settings` name all."
        raise ConfigError(f"there is no flag {flag}{near}")
    return path


def _sorted(words: Sequence[str], flags: Sequence[str]) -> tuple[list[str], Settings]:
    """The words of a command's own flags, and those of all others: `--model.widths 8 8` → {"model.widths": ["8", "8"]}."""
    own: list[str] = []
    settings: dict[str, list[str]] = {}
    current = own
    for word in words:
        name, equals, value = word.partition("=")
        flag = name.replace("_", "-")
        if flag == "-h" or flag in flags:
            current = own
            own.append(flag + equals + value)
        elif word.startswith("--"):
            current = settings.setdefault(name[2:].replace("-", "_"), [])
            current += [value] if equals else []
        else:
            current.append(word)
    return own, settings


def _fixed(value: Any) -> Any:
    """Lists as tuples."""
    return tuple(map(_fixed, value)) if isinstance(value, list) else value


def _read(file: Path) -> Experiment:
    try:
        return Experiment.from_json(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"--config {file} is not JSON: byte {error.start} is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"--config {file} is not JSON: {error.msg} in line {error.lineno}.") from None
