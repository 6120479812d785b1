"""The entry point: which commands there are. What a command needs is imported when it is asked for."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import jaxtricks

GROUPS = {
    "Ask": {
        "demo": ("demo:Demo", "Judge five tricks on handwritten digits, in a minute: what all this is about."),
        "run": ("train:Run", "Train restarts of one experiment in one compiled program, and sum them up."),
        "compare": ("train:Compare", "Judge changes against a baseline, paired by seed."),
        "ablate": ("train:Ablate", "Judge an experiment without each of its tricks, and with each that it lacks."),
        "ladder": ("train:ClimbCommand", "Try changes one after the other, and keep each that helps on top of those before it."),
        "judge": (
            "judge:JudgeCommand",
            "Judge values measured elsewhere, from tables with the columns seed and value.",
        ),
        "curve": ("curve:CurveCommand", "Train on more and more examples, beside simple models."),
        "search": (
            "search:SearchCommand",
            "Search hyperparameters; say how sure the winner is, and how good without its luck.",
        ),
        "lr": ("lr:RateCommand", "Suggest a learning rate, with an interval, by a range test."),
        "prune": ("prune:PruneCommand", "Remove weights in rounds: does a small network do as well as the whole one?"),
        "doctor": ("doctor:Doctor", "Say what is wrong with a training, and prove which cure works."),
    },
    "Look at a run": {
        "watch": ("watch:Watch", "Show how a run goes on that another process trains."),
        "report": ("finished:Report", "Render the page of a run's folder again."),
        "figure": ("figure:FigureCommand", "Write the figures of a run as PDF, SVG or PNG, in the size of a paper's column."),
        "table": ("table:TableCommand", "Write a run's or a search's table as CSV or Parquet."),
        "track": ("track:Track", "Send a run's curves to TensorBoard, Weights & Biases, MLflow or trackio."),
        "ensemble": ("ensemble:EnsembleRuns", "Average the predictions of restarts, and say what that gains."),
        "sample": ("finished:Sample", "Write text with a language model that was trained on a text."),
        "replay": ("replay:ReplayCommand", "Replay one step of a run, and say where a value arose that is not finite."),
        "curvature": ("curvature:CurvatureCommand", "Measure the curvature of the loss along a run, and put it on its page."),
    },
    "Go on with it": {
        "resume": ("resume:Resume", "Go on with a run that was cut off."),
        "export": ("publish:ExportCommand", "Write a trained model for JAX alone and NumPy alone, with its card."),
        "pull": ("publish:PullCommand", "Get a published model from the Hugging Face Hub."),
        "drift": ("drift:DriftCommand", "Say whether new data are like those that a run was trained on."),
    },
    "Look up": {
        "data": ("data:DataCommand", "Say what a data set holds, and what its examples can show."),
        "cost": ("cost:CostCommand", "Say what a network costs: parameters, operations, bytes, time and money a prediction."),
        "list": ("listing:ListCommand", "List tricks, settings, metrics, data sets, runs or openings of test sets."),
        "check-gradient": ("gradient:CheckGradient", "Compare the gradient of a function with central differences."),
        "completion": ("completion:Completion", "Print a script that has bash or zsh complete flags and settings."),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
MOVED = {"tensorboard": ("track", "tensorboard")}  # an earlier command → what it is now, and the word that now comes last
HELP = "\n".join(
    [
        "Does a training trick help on your task, by how much, and is that more than luck?",
        "",
        "  jaxtricks compare --data digits --seeds 16 --change model.dropout=0.5 --change optimizer.schedule=warmup_cosine",
        "",
        *(
            line
            for title, group in GROUPS.items()
            for line in (f"{title}:", *(f"  {name:15} {sentence}" for name, (_, sentence) in group.items()))
        ),
        "",
        "`jaxtricks COMMAND --help` names a command's flags, `jaxtricks list settings` those of the experiment that it trains.",
    ]
)


def found(name: str) -> Any:
    """Gives the class of a command, by its name.

    >>> found("run").__name__
    'Run'
    """
    file, _, kind = COMMANDS[name][0].partition(":")
    return getattr(importlib.import_module(f"jaxtricks.cli.{file}"), kind)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; bad input ends in one sentence and exit code 2.

    Args:
        arguments: the command line without the program's name; by default that of this process.

    Raises:
        SystemExit: for bad input, and with the exit codes that the commands' --help names.
    """
    try:
        try:
            _run(sys.argv[1:] if arguments is None else list(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # who reads has enough, such as `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at its end
        sys.exit(0)


def _run(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP)
    elif words[0] in ("-V", "--version", "version"):
        print(f"jaxtricks {jaxtricks.__version__}")
    else:
        if words[0] in MOVED:
            name, last = MOVED[words[0]]
            print(f"jaxtricks: `{words[0]}` is now `{name} RUN {last}`.", file=sys.stderr)
            words = [name, *words[1:], last]
        importlib.import_module("jaxtricks.cli.dispatch").dispatch(words, COMMANDS, found)
