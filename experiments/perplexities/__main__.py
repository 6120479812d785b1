"""A page of perplexities beside the published ones: `python -m experiments.perplexities FOLDER`."""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

import jaxtricks as jt
from experiments.perplexities.models import LanguageModel, Published, language_models
from jaxtricks.config import ConfigError, nearest
from jaxtricks.data import DataError, Split
from jaxtricks.engine.layout import set_up
from jaxtricks.report.environment import environment

# Windows to train on, and words in the vocabulary; None: all of them.
PARTS: dict[str, tuple[int | None, int | None]] = {"full": (None, None), "cpu": (4_000, 2_000), "smoke": (40, 30)}
HEAD = (
    "| model | validation | test | Penn Treebank, published | WikiText-2, published | seconds |\n" + "|---" * 6 + "|"
)  # of the table; published numbers are of the validation and of the test text


@dataclasses.dataclass(frozen=True)
class Measured:
    """What came of a language model.

    Args:
        model: the row.
        validation: perplexity of each restart on the validation text.
        test: on the test text; None where it stayed locked.
        seconds: that training took.
    """

    model: LanguageModel
    validation: Sequence[float]
    test: Sequence[float] | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        row = {"name": self.model.name, "validation": list(self.validation), "test": self.test and list(self.test)}
        return row | {"seconds": self.seconds, "penn": self.model.penn._asdict(), "wikitext": self.model.wikitext._asdict()}


@dataclasses.dataclass(frozen=True)
class Command:
    """Train word-level language models on a text and print a page of their perplexities beside the published ones.

    Args:
        data_dir: a folder of train.txt, valid.txt and test.txt, such as WikiText-2 or Penn Treebank.
        scale: "full": the papers' settings, for a GPU and days; "cpu": small ones on a part of the text with few words, whose
            perplexities are comparable with one another only; "smoke": seconds, for the machinery.
        only: the rows of these names; all of them if none is named.
        seeds: restarts of each.
        test: open the test text, too, which is written down; only for a page that is published.
        json: print a JSON object a row instead of a table; both come as soon as a row is trained.
    """

    data_dir: tyro.conf.Positional[Path]
    scale: Literal["smoke", "cpu", "full"] = "cpu"
    only: tuple[str, ...] = ()
    seeds: int = 2
    test: bool = False
    json: bool = False

    def __call__(self) -> int:
        models = {model.name: model for model in language_models(self.scale)}
        for name in self.only:
            if name not in models:
                raise ConfigError(f"only = {name!r} is none of the rows{nearest(name, list(models))}")
        if not self.json:
            print(HEAD)
        for name in self.only or models:
            each = self.measured(models[name])
            told = {"environment": environment(), "scale": self.scale, **each.to_dict()}
            print(json.dumps(told) if self.json else line(each), flush=True)
        return 0

    def measured(self, model: LanguageModel) -> Measured:
        """Trains a row.

        Raises:
            DataError: for a folder without the three files.
        """
        windows, words = PARTS[self.scale]
        data = jt.load(str(self.data_dir), text=jt.Text("word", length=model.length, vocabulary=words))
        if not data.has_test or not isinstance(data.validation, Split):
            raise DataError(f"{self.data_dir} has no valid.txt or no test.txt; both are needed, as in Penn Treebank.")
        began = time.perf_counter()
        runs = jt.fit(model.experiment, data if windows is None else data.subset(windows, seed=0), seeds=self.seeds)
        seconds = time.perf_counter() - began
        test = None
        if self.test:
            opened = data.open_test("to stand beside published perplexities", reopen="one row of the page after the other")
            test = np.asarray(runs.evaluate(opened)["perplexity"]).tolist()
        return Measured(model, runs.metrics["perplexity"].tolist(), test, seconds)


def line(each: Measured) -> str:
    """A row of the table."""
    ours = _over_restarts(each.validation), "" if each.test is None else _over_restarts(each.test)
    theirs = _both(each.model.penn), _both(each.model.wikitext)
    return f"| {' | '.join((each.model.name, *ours, *theirs, f'{each.seconds:.0f}'))} |"


def _over_restarts(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _both(published: Published) -> str:
    """Validation / test, where one is known."""
    if published == Published(None, None):
        return ""
    return " / ".join("?" if value is None else f"{value:.1f}" for value in published)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses, trains, prints; returns 2 for bad input, which ends in one sentence."""
    command = tyro.cli(Command, prog="python -m experiments.perplexities", args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    try:
        return command()
    except (ConfigError, DataError) as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    set_up(os.cpu_count() or 1)
    sys.exit(main())
