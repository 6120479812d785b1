"""The command that judges values from elsewhere."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Maybe, Positional, Several, Switch
from jaxtricks.config import ConfigError
from jaxtricks.data.delimited import read_csv
from jaxtricks.evaluate.elsewhere import ReadAs, SeedValues, judge_pairs
from jaxtricks.evaluate.verdict import judge_family
from jaxtricks.report.table import table


@dataclasses.dataclass(frozen=True)
class JudgeCommand(Command):
    """Judge values from elsewhere by the rules of compare: a baseline's and a change's file, with the columns seed and value.

    With --all-pairs one file holds a leaderboard, with the columns name, seed and value, and every two names are compared. A
    column split names the split of each seed, where some share one.

    Args:
        files: the baseline's file and the change's, or more changes; with --all-pairs one file.
        better: whether higher or lower values are better.
        all_pairs: compare every two names of one file, with p corrected over all pairs.
        metric: what the values are called.
        unit: what differences are printed in: points for shares from 0 to 1, or a unit; by default the metric's name.
        margin: the smallest difference worth caring about; by default half a point of a share, else 0.5% of the baseline's mean.
        share: the share of all examples that each seed drew to validate on, such as 0.2, which a verdict on new data needs.
        json: print one JSON object instead of text.
    """

    files: Positional[Several[Path]]
    better: Maybe[Literal["higher", "lower"]] = None
    all_pairs: Switch = False
    metric: str = "value"
    unit: Maybe[str] = None
    margin: Maybe[float] = None
    share: Maybe[float] = None
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        if self.better is None:
            raise ConfigError("--better is missing: higher or lower, as the values are.")
        rules: dict[str, Any] = {"metric": self.metric, "unit": self.unit, "margin": self.margin, "share": self.share}
        given = ReadAs(self.better == "higher", **rules)
        if self.all_pairs:
            if len(self.files) != 1:
                raise ConfigError(f"--all-pairs is of one file with the columns name, seed and value, not of {len(self.files)}.")
            verdicts = judge_pairs(read_csv(self.files[0]), higher_is_better=given.higher_is_better, **rules)
        else:
            if len(self.files) < 2:
                raise ConfigError(f"{self.files[0]} is one file; a baseline's and a change's, or --all-pairs, are allowed.")
            first, *others = (SeedValues.of(str(path), read_csv(path)) for path in self.files)
            verdicts = judge_family([other.against(first, other.name, given) for other in others], given.measure)
        print(json.dumps({"verdicts": [verdict.to_dict() for verdict in verdicts]}) if self.json else table(verdicts))
