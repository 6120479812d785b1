"""How often the doctor of a user's own loop is right: `python -m experiments.doctor.loops`, some minutes on 2 cores."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import jax
import tyro

import jaxtricks as jt
from experiments.doctor.loops.faults import FAULTS, whole
from experiments.doctor.loops.healthy import LOOPS, again, donating, mapped, optimizers, parted, sharded, smaller, spread
from experiments.doctor.loops.parts import batch
from jaxtricks.diagnose.causes import Cause
from jaxtricks.report.environment import environment

RESULTS = Path(__file__).parents[2] / "results" / "doctor" / "loops.json"
FIRST = 2  # causes among which the right one should be

Half = Literal["development", "held", "healthy"]


class Patient(NamedTuple):
    """A loop, with what is known of it: `number` and `causes` are those of its fault; 0 and none where it is healthy."""

    name: str
    number: int
    causes: frozenset[Cause]
    examined: tuple[Any, Any, Any]

    @property
    def half(self) -> Half:
        """Odd kinds may be looked at while signs are mended; even ones are examined once, at the end."""
        return ("development" if self.number % 2 else "held") if self.number else "healthy"


def patients(halves: tuple[Half, ...], loops: tuple[str, ...]) -> Iterator[Patient]:
    """Loops of the given halves and names."""
    for make in (make for make in LOOPS if not loops or make.__name__ in loops):
        parts = make()
        for each in FAULTS:
            if Patient("", each.number, each.causes, (0, 0, 0)).half in halves:
                yield Patient(f"{parts.name}, {each.number} {each.name}", each.number, each.causes, each.plant(parts))
        if "healthy" in halves:
            for name, examined in variants(make):
                yield Patient(f"{parts.name}, {name}", 0, frozenset(), examined)


def variants(make: Any) -> Iterator[tuple[str, tuple[Any, Any, Any]]]:
    """A healthy loop, and healthy variants of it."""
    parts = make()
    yield "healthy", whole(parts)
    for name, other in optimizers(parts):
        yield name, whole(other)
    yield "activations computed again", whole(again(parts))
    yield "bfloat16 inside", whole(smaller(parts))
    yield "donated", (donating(parts), parts.state(), batch())
    yield "on two devices", (sharded(spread(parts)), parts.state(), batch())
    step, state = mapped(spread(parts))
    yield "mapped over two devices", (step, state, parted(batch()))
    step, state, given = whole(parts)
    for _ in range(20):
        state, _ = step(state, jax.tree.map(lambda values: values[::-1], given))
    yield "trained for twenty steps", (step, state, given)


def main(halves: tuple[Half, ...] = ("development", "held", "healthy"), loops: tuple[str, ...] = (), write: bool = True) -> None:
    """Examines loops, prints what was found and writes it.

    Args:
        halves: which loops: those whose kinds have odd numbers, those with even ones, healthy ones.
        loops: their names, such as "linen"; none: all.
        write: whether what was found is written; only where all are examined.
    """
    jax.config.update("jax_num_cpu_devices", 2)
    rows = []
    for patient in patients(halves, loops):
        begun = time.perf_counter()
        found = jt.examine_step(*patient.examined)
        named = [each.cause for each in found.diagnoses[:FIRST]]
        right = bool(patient.causes & set(named)) if patient.causes else None
        row = {"loop": patient.name, "half": patient.half, "ok": found.ok, "right": right}
        seconds = round(time.perf_counter() - begun, 2)
        rows.append(row | {"causes": sorted(patient.causes), "found": found.to_dict(), "seconds": seconds})
        mark = ("well" if found.ok else "ILL") if right is None else ("right" if right and not found.ok else "WRONG")
        print(f"{mark:6}{patient.name}: {', '.join(named) or 'nothing'}", flush=True)
        if mark.isupper():
            print("    " + str(found).replace("\n", "\n    "), flush=True)
    sums = {half: summed(half, [row for row in rows if row["half"] == half]) for half in halves}
    for half, told in sums.items():
        print(f"{half}: {told}")
    if write and len(sums) == len(get_args(Half)) and not loops:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps({"environment": environment(), "sums": sums, "loops": rows}, indent=1, default=str) + "\n")


def summed(half: Half, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many were found ill, and of how many the right cause is among the first two."""
    ill = sum(not row["ok"] for row in rows)
    if half == "healthy":
        return {"loops": len(rows), "false alarms": ill}
    return {
        "loops": len(rows),
        "detected": ill,
        "right cause among two": sum(bool(row["right"] and not row["ok"]) for row in rows),
    }


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
