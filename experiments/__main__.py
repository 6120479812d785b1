"""The command line of the claims: `python -m experiments list | run NAME… | book | full | page`."""

import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm.auto import tqdm

from experiments import evidence, record
from experiments.claims import ROOT, claims, select
from experiments.full import Full
from experiments.record import Result, ResultError
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.engine.layout import set_up
from jaxtricks.evaluate.claim import Claim, ScaleName


@dataclasses.dataclass(frozen=True)
class List:
    """List the claims, with the verdict of the largest scale that was kept.

    Args:
        json: print a JSON list instead of text.
        folder: where results/ lies.
    """

    json: bool = False
    folder: Path = ROOT

    def __call__(self) -> int:
        kept = record.largest(record.load(self.folder))
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "chapter": claim.chapter,
                "rows": list(claim.rows),
                "kind": claim.kind,
                "statement": claim.statement,
                "verdict": kept[name]["verdict"] if name in kept else None,
                "seconds": kept[name]["seconds"] if name in kept else None,
            }
            for name, claim in claims().items()
        ]
        lines = [f"{' '.join(r['rows']):6} {r['name']:24} {r['verdict'] or 'not run':13} {r['statement']}" for r in rows]
        print(json.dumps(rows, ensure_ascii=False) if self.json else "\n".join(lines))
        return 0


@dataclasses.dataclass(frozen=True)
class Run:
    """Run claims and print what came out; nothing is kept.

    Args:
        names: claims, by name; all of them if none is named.
        scale: smoke (seconds, for the machinery only), cpu (3 minutes at most on 2 cores) or full (one GPU).
        seeds: restarts, instead of the number that each claim names.
        data_dir: for the claims that ask for one: a folder of text in Penn Treebank's layout (zaremba), or of CIFAR (swa).
        json: print a JSON list of results instead of text.
        replicate: on restarts and examples that the first run did not have; identities, which luck cannot decide, are left out.
        twice: with twice as many epochs or steps, to see whether they were enough; claims that train nothing are left out.
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    scale: ScaleName = "cpu"
    seeds: int | None = None
    data_dir: Path | None = None
    json: bool = False
    replicate: bool = False
    twice: bool = False

    def __call__(self) -> int:
        return self.measure(select(self.names), keep=lambda result: None)

    def measure(self, chosen: Mapping[str, Claim], keep: Callable[[Result], None]) -> int:
        """Runs the claims and hands on each result as soon as it is there; a claim that fails does not stop the others.

        Args:
            chosen: name → claim.
            keep: what is done with a result, before it is printed.

        Returns:
            The exit code: 1 if a claim failed.
        """
        chosen = {name: claim for name, claim in chosen.items() if self.asks(claim)}
        run = int(self.replicate), 1 + self.twice
        scales = {name: claim.at(self.scale, self.seeds, self.data_dir, *run) for name, claim in chosen.items()}
        results = []
        bar = tqdm(chosen.items(), unit="claim")
        for name, claim in bar:
            bar.set_description(name)
            try:
                result = record.run(claim, scales[name])
            except (ConfigError, DataError) as error:
                tqdm.write(f"experiments: {name}: {error}", file=sys.stderr)
            except Exception:  # a fault of the claim, which its author wants to see, and no reason to lose the night's others
                tqdm.write(f"experiments: {name} failed.\n{traceback.format_exc()}", file=sys.stderr)
            else:
                keep(result)
                results.append(result)
                if not self.json:
                    tqdm.write(record.told(result))
        if self.json:
            print(json.dumps(results, ensure_ascii=False))
        return int(len(results) < len(chosen))

    def asks(self, claim: Claim) -> bool:
        """Whether a run of this kind can show anything of a claim."""
        again = self.replicate or self.twice
        return not (again and claim.kind == "identity") and not (self.twice and not claim.trains)


@dataclasses.dataclass(frozen=True)
class Book(Run):
    """Run the claims without a current result at this scale, keep each result, and write EVIDENCE.md from all that are kept.

    A result is current if the claim's words and the rules that it was judged by are those of today.

    Args:
        again: run those that have a current result, too.
        folder: where results/ and EVIDENCE.md lie.
    """

    again: bool = False
    folder: Path = ROOT

    def __call__(self) -> int:
        kept, chosen = record.load(self.folder), select(self.names)
        for claim in chosen.values():
            record.check(claim, kept)
        run = self.scale, int(self.replicate), 1 + self.twice
        here = [r for r in kept if (r["scale"], r["replication"], r["times"]) == run and r["claim"] in chosen]
        known = {r["claim"] for r in here if record.current(chosen[r["claim"]], r)}
        missing = {name: claim for name, claim in chosen.items() if self.again or name not in known}
        try:
            return self.measure(missing, keep=self.keep)
        finally:  # an interrupted book tells of what it has
            Page(self.folder)()

    def keep(self, result: Result) -> None:
        """Saves a result, unless it is of smoke scale and evidence of nothing."""
        record.keep(result, select((result["claim"],))[result["claim"]], self.folder)


@dataclasses.dataclass(frozen=True)
class Page:
    """Write EVIDENCE.md and its plots from all results that are kept, and run nothing.

    Args:
        folder: where results/ and EVIDENCE.md lie.
    """

    folder: Path = ROOT

    def __call__(self) -> int:
        evidence.write(self.folder)
        return 0


Command = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Run, tyro.conf.subcommand("run")]
    | Annotated[Book, tyro.conf.subcommand("book")]
    | Annotated[Full, tyro.conf.subcommand("full")]
    | Annotated[Page, tyro.conf.subcommand("page")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses, calls, prints; returns 0, 1 if a claim failed, or 2 for bad input, which ends in one sentence."""
    command: List | Run | Book | Full | Page = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="python -m experiments",
        description="What the lectures say, put to the test.",
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    try:
        return command()
    except (ConfigError, ResultError) as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    set_up(os.cpu_count() or 1)
    sys.exit(main())
