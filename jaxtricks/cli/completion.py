"""The command that has a shell complete commands, flags, settings and the names that they take."""

import dataclasses
import importlib
from collections.abc import Iterable
from typing import Literal

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.finding import Finding
from jaxtricks.cli.optional import Positional
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.settings import flags
from jaxtricks.cli.training import TrainingCommand
from jaxtricks.experiment.experiment import Experiment

SCRIPT = """\
_jaxtricks() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "$before" in
{values}
            --change|--step|--space) words="{paths}"; compopt -o nospace 2>/dev/null ;;
            *) case "${{COMP_WORDS[1]}}" in
{flags}
            esac ;;
        esac
    fi
    COMPREPLY=( $(compgen -W "$words" -- "$word") )
}}
complete -o default -F _jaxtricks jaxtricks
"""
START = {"bash": "", "zsh": "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"}


@dataclasses.dataclass(frozen=True)
class Completion(Command):
    """Print a script that has your shell complete commands, flags and settings.

    For bash, add the line `eval "$(jaxtricks completion bash)"` to ~/.bashrc; for zsh, the same with zsh to ~/.zshrc.

    Args:
        shell: bash or zsh.
    """

    shell: Positional[Literal["bash", "zsh"]]

    def __call__(self, settings: Settings, line: str) -> None:
        entry = importlib.import_module("jaxtricks.cli.entry")  # which is above this file: it names all commands
        kinds = {name: entry.found(name) for name in entry.COMMANDS}
        print(START[self.shell] + script(kinds), end="")


def script(kinds: dict[str, type[Command]]) -> str:
    """Gives the script of bash.

    Args:
        kinds: the commands by name.

    >>> "warmup_cosine" in script({"completion": Completion})
    True
    """
    known = flags(Experiment())
    parsers = {name: Parser(kind, name) for name, kind in kinds.items()}
    named = dict(known)
    for parser in parsers.values():
        for flag, names in parser.names.items():
            named[flag] = tuple(dict.fromkeys((*named.get(flag, ()), *names)))
    named.pop("", None)  # words without a flag are those of their command
    own = {
        name: [
            *parsers[name].names.get("", ()),
            *parsers[name].flags,
            *(known if issubclass(kind, TrainingCommand | Finding) else ()),
        ]
        for name, kind in kinds.items()
    }
    return SCRIPT.format(
        commands=_joined(kinds),
        values="\n".join(f'            {flag}) words="{_joined(names)}" ;;' for flag, names in named.items() if names),
        paths=_joined(flag.removeprefix("--").replace("-", "_") + "=" for flag in known),
        flags="\n".join(f'                {name}) words="{_joined(words)}" ;;' for name, words in own.items()),
    )


def _joined(words: Iterable[str]) -> str:
    return " ".join(words)
