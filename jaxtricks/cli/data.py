"""The command that says what a data set holds, and what its examples can show."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from jaxtricks.checks.check import check_data
from jaxtricks.checks.report import PAGE, DataReport
from jaxtricks.cli import flags
from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.flags import DataFlags
from jaxtricks.cli.optional import Maybe, PositionalOrFlag, Switch, Words
from jaxtricks.cli.parser import Parser
from jaxtricks.cli.words import experiment_from
from jaxtricks.config import ConfigError
from jaxtricks.data import Dataset, Split
from jaxtricks.data.facts import Facts, how_split
from jaxtricks.data.sizes import ACCURACIES, DISAGREEMENTS
from jaxtricks.evaluate.label_errors import LabelErrors, label_errors
from jaxtricks.store import folder as folders

FOLDS, DIVIDED = 5, 2  # networks of one division of the pool, and how often it is divided
SHOWN = 12  # classes, groups and features that are listed one by one


@dataclasses.dataclass(frozen=True)
class DataCommand(DataFlags, Command):
    """Say what a data set holds, and what its training, validation and test examples can show; look for faults in it.

    The intervals are those of an accuracy that is measured on so many examples. The differences are those between two models that
    are tested on the same examples, and show only in the examples where one of them is right and the other wrong.

    Args:
        data: a name that `jaxtricks list data` shows, such as digits; or a table, such as homes.csv, with --target; or a folder
            with a folder of pictures or texts (.txt) for each class; or a folder of one text, train.txt.
        check: look for leaks, copies and other faults, too, and say what each explains of the score; exit code 1 where there is
            a leak. The test split stays locked: its inputs are compared, and its labels are not read.
        only: with --check, the checks to make, by their names, such as "copies"; by default all.
        label_errors: train networks on folds of the pool, and list the labels that are likely wrong by those that did not train
            on them; any setting of the experiment is then a flag, such as --model.widths 256 256.
        seeds: with --label-errors, how often the pool is divided anew into five folds, of which each is a network.
        out: with --check or --label-errors, a new folder for the page of what was found.
        json: print one JSON object instead of text.
    """

    data: PositionalOrFlag[str] = dataclasses.field(default="digits", kw_only=True)
    check: Switch = dataclasses.field(default=False, kw_only=True)
    only: Words = dataclasses.field(default=None, kw_only=True)
    label_errors: Switch = dataclasses.field(default=False, kw_only=True)
    seeds: Maybe[int] = dataclasses.field(default=None, kw_only=True)
    out: Maybe[Path] = dataclasses.field(default=None, kw_only=True)
    json: Switch = dataclasses.field(default=False, kw_only=True)

    def refuse(self, settings: Settings) -> None:
        if not self.label_errors:
            super().refuse(settings)
        if self.check and self.label_errors:
            raise ConfigError("--check and --label-errors are given; one of the two at a time is allowed.")
        looks = {"--check": self.check, "--label-errors": self.label_errors}
        for flag, value, those in (
            ("only", self.only, ["--check"]),
            ("seeds", self.seeds, ["--label-errors"]),
            ("out", self.out, list(looks)),
        ):
            if value is not None and not any(looks[each] for each in those):
                raise ConfigError(f"--{flag} is for what {' or '.join(those)} finds, which is missing.")
        if self.out is not None:
            folders.check_free(self.out)

    def __call__(self, settings: Settings, line: str) -> None:
        experiment = experiment_from(None, settings, Parser(type(self), "data").flags)
        if self.label_errors:
            flags.set_up(FOLDS * (self.seeds or DIVIDED))
        data = self.dataset()
        facts, key = Facts.of(data), ""
        found: DataReport | LabelErrors | None = None
        if self.check:
            key, found = "checks", check_data(data, only=self.only)
        elif self.label_errors:
            key, found = "label_errors", label_errors(data, experiment, seeds=self.seeds or DIVIDED, progress=not self.json)
        if self.json:
            print(json.dumps(_json(data, facts) | ({} if found is None else {key: found.to_dict()})))
        else:
            paragraphs = ["\n".join(lines) for lines in _blocks(data, facts)] + ([] if found is None else [str(found)])
            print("\n\n".join(filter(None, paragraphs)))
        if found is not None and self.out is not None:
            found.save(self.out)
            print(f"page: {self.out / PAGE}", file=sys.stderr)
        if isinstance(found, DataReport) and found.of("leak"):
            sys.exit(1)


def _json(data: Dataset, facts: Facts) -> dict[str, object]:
    about = {
        "name": data.name,
        "examples": len(data),
        "shape": list(data.shape),
        "task": data.task,
        "classes": list(data.classes),
    }
    openings = [dataclasses.asdict(opening) for opening in data.openings]
    return about | {"split": how_split(data)} | facts.to_json() | {"openings": openings}


def _blocks(data: Dataset, facts: Facts) -> Iterable[Iterable[str]]:
    """Paragraphs, each a list of lines."""
    yield [str(data)] if data.columns is None else [str(data), str(data.columns)]
    yield [*_held(data, facts), how_split(data)]
    yield _table(facts, scales=data.kind.scales)
    yield _notes(data, facts)


def _held(data: Dataset, facts: Facts) -> Iterable[str]:
    """Classes, groups, times and gaps, a line each."""
    if facts.counts:
        yield _named("labels" if data.task == "multilabel" else "classes", {n: f"{c:,}" for n, c in facts.counts.items()})
    if data.groups is not None:
        yield f"groups: {len(set(data.groups.tolist())):,}, none of which is both trained and validated on"
    if facts.times is not None:
        first, last = facts.times
        heed = "" if isinstance(data.validation, Split) else "; splits at random do not heed them"
        yield f"times: from {first:g} to {last:g} (dates as days since 1970){heed}"
    if facts.gaps:
        yield _named("missing", {name: f"{share:.1%}" for name, share in facts.gaps.items()})


def _named(title: str, values: dict[str, str]) -> str:
    shown = [f"{name} {value}" for name, value in list(values.items())[:SHOWN]]
    more = f", … ({len(values)} in all)" if len(values) > SHOWN else ""
    return f"{title}: {', '.join(shown)}{more}"


def _table(facts: Facts, scales: bool) -> Iterable[str]:
    """A line for each part: its size, and what it can show; in points, which are 1% of the examples."""
    if scales:
        yield f"{'':10} {'examples':>9}  95% interval of a mean squared error"
        for name, part in facts.parts.items():
            yield f"{name:10} {part.examples:9,}" + ("" if name == "training" else f"  ± {part.error:.1%} of it")
        return
    title = f"{'95% interval of an accuracy of':32}  difference found 4 times of 5 if two models disagree in"
    yield f"{'':10} {'examples':>9}  {title}"
    heads = [*(f"{share:.0%}" for share in ACCURACIES)], [*(f"{share:.0%}" for share in DISAGREEMENTS)]
    yield f"{'':10} {'':9}  " + "  ".join("".join(f"{head:>8}" for head in each) for each in heads)
    for name, part in facts.parts.items():
        if name == "training":
            yield f"{name:10} {part.examples:9,}"
            continue
        halves = "".join(f"{f'±{50 * (high - low):.2f}':>8}" for low, high in part.accuracy.values())
        found = "".join(f"{'none' if share != share else f'{100 * share:.2f}':>8}" for share in part.difference.values())
        yield f"{name:10} {part.examples:9,}  {halves}  {found}"


def _notes(data: Dataset, facts: Facts) -> Iterable[str]:
    """What the table takes for granted, and what was seen of the test set."""
    if not data.kind.scales:
        yield "In points, 1% of the examples. Two models disagree in an example where one of them is right and the other wrong."
    else:
        yield "For normal residuals; of models with large outliers the interval is wider."
    if data.stream or data.kind.per_step:
        yield "Steps of a sequence depend on each other: a sequence counts as one example, and a metric of all steps shows more."
    counted = [
        f"{part.groups:,} ({name})" for name, part in facts.parts.items() if part.groups is not None and name != "training"
    ]
    if counted:
        yield f"Examples of a group depend on each other: intervals may be as wide as those of {' and '.join(counted)} examples."
    if facts.luck and not data.kind.scales:
        grown = ", ".join(f"{100 * share:.2f} (of {models})" for models, share in facts.luck.items())
        yield f"Luck: of equal models at 50%, the best one on the test set looks too good by {grown} points."
    if facts.luck:
        yield "The test set is locked: it was never opened." if not data.openings else "The test set was opened:"
    for opening in data.openings:
        yield f"  {opening}"
