"""The papers' own sizes on one GPU: claims in order of value, in the time that there is, each from where it was left."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import tyro

from experiments import evidence, record
from experiments.claims import ROOT, select
from jaxtricks.config import ConfigError
from jaxtricks.data import DataError
from jaxtricks.engine import preemption
from jaxtricks.evaluate.claim import Claim, Scale, ScaleName
from jaxtricks.evaluate.work import H100, Work, total

ORDER = ("dropout_table", "dropout", "bn_speed", "zaremba", "pixel_order", "swa", "tickets")  # by value
SPENT = "seconds"  # the file that says how long a claim has run before it was cut off


class Estimated(NamedTuple):
    """What a claim computes.

    Args:
        work: of all that it trains.
        seconds: that an H100 takes for it, by the roofline.
    """

    work: Work
    seconds: float

    @classmethod
    def of(cls, claim: Claim, scale: Scale) -> "Estimated":
        """The estimate at a scale.

        Raises:
            ConfigError: for a claim that does not say what it trains.
            DataError: where its data are missing.
        """
        if claim.trainings is None:
            raise ConfigError(
                f"{claim.name} does not say what it trains; claims with `trainings` are allowed: {', '.join(ORDER)}."
            )
        return cls(*total(claim.trainings(scale), H100))

    @property
    def minutes(self) -> float:
        """The same in minutes."""
        return self.seconds / 60


@dataclasses.dataclass(frozen=True)
class Full:
    """Run the claims at the papers' own sizes on one GPU, one after the other, as far as the minutes go, and keep each result.

    A claim whose estimate does not fit into the time that is left is put off. One that is cut off goes on from its last
    checkpoint when the command is given once more.

    Args:
        names: claims, by name; by default those that are worth a GPU, in order of value.
        minutes: the time that there is; nothing is begun after it, and what trains then ends at its next checkpoint.
        estimate: print what each claim computes and about how long an H100 takes for it, and run nothing.
        commit: git-commit each result as soon as it is there.
        parts: begin a claim that will not end in time, too, for another call to go on with.
        scale: full, or smaller ones to try the command.
        seeds: restarts, instead of the number that each claim names.
        data_dir: for the claims that ask for one: a folder of text in Penn Treebank's layout (zaremba), or of CIFAR (swa).
        runs: where checkpoints lie until a claim is done.
        folder: where results/ and EVIDENCE.md lie.
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    minutes: float = 10.0
    estimate: bool = False
    commit: bool = False
    parts: bool = False
    scale: ScaleName = "full"
    seeds: int | None = None
    data_dir: Path | None = None
    runs: Path = Path("runs/full")
    folder: Path = ROOT

    def __call__(self) -> int:
        chosen = select(self.names or ORDER)
        if self.estimate:
            for line in self._table(chosen):
                print(line)
            return 0
        ends, kept, codes = time.monotonic() + 60 * self.minutes, record.load(self.folder), [0]
        for claim in chosen.values():
            record.check(claim, kept)
        for name, claim in chosen.items():
            if any(record.first(r) and r["scale"] == self.scale and record.current(claim, r) for r in kept if r["claim"] == name):
                print(f"{name}: has a result of this scale.")
            else:
                codes.append(self._turn(claim, ends))
        return max(codes)

    def _turn(self, claim: Claim, ends: float) -> int:
        """Runs a claim, or says why not; the exit code."""
        scale, place = self._scale(claim), self.runs / f"{claim.name}-{self.scale}"
        begun = place.exists()
        try:
            needed = Estimated.of(claim, scale).minutes
            left = ends - time.monotonic()
            if left <= 0 or (needed > left / 60 and not begun and not self.parts):
                there = max(left, 0) / 60
                print(f"{claim.name}: put off; an H100 takes about {needed:.1f} minutes for it, and {there:.1f} are left.")
                return 0
            result = self._measured(claim, dataclasses.replace(scale, folder=place), left)
        except (ConfigError, DataError) as error:
            print(f"experiments: {claim.name}: {error}", file=sys.stderr)
            return 1
        except preemption.Preempted:
            print(f"{claim.name}: cut off; the same command goes on from its last checkpoint, in {place}.")
            return preemption.EXIT_CODE
        except Exception:  # a fault of the claim, which its author wants to see, and no reason to lose the others
            print(f"experiments: {claim.name} failed.\n{traceback.format_exc()}", file=sys.stderr)
            return 1
        record.keep(result, claim, self.folder)
        evidence.write(self.folder)
        shutil.rmtree(place)
        print(record.told(result))
        if self.commit:
            _commit(result, self.folder)
        return 0

    def _scale(self, claim: Claim) -> Scale:
        return claim.at(self.scale, self.seeds, self.data_dir)

    def _measured(self, claim: Claim, scale: Scale, left: float) -> record.Result:
        """The result, with the seconds of the calls before this one; raises Preempted after so many seconds."""
        assert scale.folder is not None
        scale.folder.mkdir(parents=True, exist_ok=True)
        spent, began = scale.folder / SPENT, time.monotonic()
        before = float(spent.read_text()) if spent.exists() else 0.0
        try:
            with preemption.listening(), _alarm(left):
                result = record.run(claim, scale)
        finally:
            record.replace(spent, f"{before + time.monotonic() - began:.1f}\n")
        return result | {"seconds": round(before + result["seconds"], 1)}

    def _table(self, chosen: dict[str, Claim]) -> Iterator[str]:
        """What the claims compute, a line each."""
        waiting = f"{H100.product * 1e6:g} µs for a product that the next one waits for"
        speeds = f"{H100.flops / 1e12:g} TFLOP/s, {H100.bytes / 1e12:g} TB/s, {waiting}"
        yield f"{'claim':14} {'rows':10} {'operations':>11} {'bytes':>9} {'in a row':>9} {'minutes':>8}"
        for name, claim in chosen.items():
            try:
                work, seconds = Estimated.of(claim, self._scale(claim))
            except (ConfigError, DataError) as error:
                yield f"{name:14} {' '.join(claim.rows):10} {error}"
            else:
                numbers = f"{work.flops:11.2g} {work.bytes:9.2g} {work.products:9.2g} {seconds / 60:8.1f}"
                yield f"{name:14} {' '.join(claim.rows):10} {numbers}"
        yield f"Minutes are an estimate for an {H100.name} at {speeds}: the largest of the three, program by program."
        yield "It leaves out validation, compiling, and ladders of learning rates that are widened."


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Asks this process to end after so many seconds, unless the block has ended by then."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a signal that is underway comes while it is still listened for


def _commit(result: record.Result, folder: Path) -> None:
    """Commits a result, its plot and the page, and nothing else."""
    stem = record.stem(result)
    paths = [path for path in (f"results/{stem}.json", f"results/{stem}.svg", "EVIDENCE.md") if (folder / path).exists()]
    text = f"{result['claim']} at {result['scale']} scale on {result['device']}: {result['verdict']}"
    for words in (["add", "--", *paths], ["commit", "--quiet", "--message", text, "--", *paths]):
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            print(f"experiments: git {words[0]} failed: {done.stderr.strip()}; the result is kept.", file=sys.stderr)
            return
