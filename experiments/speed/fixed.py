"""What a call of `fit` costs beside its training, and what a cold ablation costs beside that of an earlier commit.

Two fits, their programs compiled beforehand: 8 restarts of LeNet-300-100 for one epoch, each on 54,000 of 60,000 random
images of 28×28 bytes in batches of 64, split by its seed; and 256 restarts of an MLP of 2×128 for 20 epochs of the digits.
Their share outside is the time of `fit` in which no segment runs, see `experiments.speed.segments`.

The ablation: a baseline of the digits and eleven tricks, one program each, 8 restarts of 2 epochs, in a new process with no
compilation cache. The earlier commit is taken from the repository's history, unpacked beside it, and takes turns with this
one. `python -m experiments.speed.fixed --help`.
"""

import dataclasses
import io
import os
import shutil
import statistics
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.speed.harness import Target, Timed, Worker, device_name, show

MODULE = "experiments.speed.fixed"
ROOT = Path(__file__).parents[2]
BASELINE = "ba8962d"  # the commit that the ablation's time is held against
# What an ablation of the baseline turns on first, written out so that both commits do the same work.
CHANGES: dict[str, Any] = {
    "model.normalization": "batch",
    "model.input_dropout": 0.2,
    "model.drop_connect": 0.5,
    "model.dropout": 0.5,
    "optimizer.rule.weight_decay": 0.1,
    "optimizer.sam": 0.05,
    "optimizer.averaging": "lookahead",
    "optimizer.clip_value": 1e-3,
    "optimizer.clip_norm": 0.1,
    "optimizer.max_norm": 0.5,
    "objective.loss.label_smoothing": 0.1,
}
ARMS = len(CHANGES) + 1
NO_CACHE = {"JAX_ENABLE_COMPILATION_CACHE": "false"}


def _devices() -> None:
    """A CPU's cores as devices; not `set_up`, which would also keep compiled programs for the next process."""
    import jax

    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)


def lenet(restarts: int, pool: int) -> Timed:
    """Restarts of LeNet-300-100, an epoch of random bytes, with a tenth of the pool to validate on."""
    _devices()
    import jaxtricks as jt

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (pool, 784)).astype(np.uint8), rng.integers(0, 10, pool)
    data = jt.Dataset.from_arrays(x, y, validation=0.1)
    return _watched(jt.Experiment(model=jt.MLP(widths=(300, 100)), batch_size=64, epochs=1), data, restarts)


def digits(restarts: int, epochs: int) -> Timed:
    """Restarts of an MLP of 2×128 on the digits."""
    _devices()
    import jaxtricks as jt

    return _watched(jt.Experiment(model=jt.MLP(widths=(128, 128)), batch_size=64, epochs=epochs), jt.load("digits"), restarts)


def _watched(experiment: Any, data: Any, restarts: int) -> Timed:
    import jaxtricks as jt
    from experiments.speed.segments import Watch

    watch = Watch()

    def timed() -> dict[str, Any]:
        return watch.measure(lambda: jt.fit(experiment, data, seeds=restarts, progress=False))

    timed()  # compiled here, outside the timing
    return timed


def ablation(restarts: int, epochs: int) -> Timed:
    """A baseline and its changes; nothing is compiled yet."""
    _devices()
    import jaxtricks as jt

    data = jt.load("digits")
    best = jt.Experiment(model=jt.MLP(widths=(128, 128)), batch_size=64, epochs=epochs)
    changes = {path: best.replace({path: value}) for path, value in CHANGES.items()}

    def timed() -> dict[str, Any]:
        study = jt.study(best, changes, data, seeds=restarts, progress=False, tune=None)
        return {"accuracy": float(study.baseline.metrics["accuracy"].mean())}

    return timed


CONTESTANTS = {"lenet": lenet, "digits": digits, "ablation": ablation}


def unpacked(commit: str, folder: Path) -> bool:
    """Unpacks the library of a commit into a folder, with the benchmarks of today; False where the history does not hold it."""
    archive = subprocess.run(["git", "archive", commit, "jaxtricks"], cwd=ROOT, capture_output=True)
    if archive.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    shutil.copytree(ROOT / "experiments/speed", folder / "experiments/speed")
    shutil.copy(ROOT / "experiments/__init__.py", folder / "experiments")
    return True


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Times what `fit` does beside its training, and a cold ablation.

    Args:
        restarts: of LeNet-300-100; 32 times as many of the digits.
        pool: images that LeNet-300-100 trains and validates on.
        epochs: of the digits' restarts; the ablation has a tenth of them.
        rounds: how often every contestant takes its turn; the median counts.
        ablations: the same for the ablations, which start anew each time; 0 leaves them out.
        json: print one JSON object instead of text.
    """

    restarts: int = 8
    pool: int = 60_000
    epochs: int = 20
    rounds: int = 5
    ablations: int = 3
    json: bool = False


def shares(arguments: Arguments) -> tuple[list[dict[str, Any]], list[Target]]:
    """Rows and targets of the two fits."""
    many = 32 * arguments.restarts
    cases = {
        "lenet": {"restarts": arguments.restarts, "pool": arguments.pool},
        "digits": {"restarts": many, "epochs": arguments.epochs},
    }
    names = {"lenet": f"LeNet-300-100, {arguments.restarts} restarts", "digits": f"digits, {many} restarts"}
    workers = {name: Worker(MODULE, name, case, {}) for name, case in cases.items()}
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in tqdm(range(arguments.rounds), desc="fits"):
        for name, worker in workers.items():
            figures[name].append(worker.go())
    for worker in workers.values():
        worker.stop()
    rows, targets = [], []
    for name, most in (("lenet", 0.10), ("digits", 0.08)):
        seconds, inside, share = (statistics.median(run[key] for run in figures[name]) for key in ("whole", "segments", "share"))
        rows.append({"name": names[name], "seconds": seconds, "in segments": inside, "share outside": share})
        targets.append(Target(f"{names[name]}: share of fit outside of its segments", share, most, higher_is_better=False))
    return rows, targets


def ablations(rounds: int, restarts: int, epochs: int) -> tuple[list[dict[str, Any]], list[Target], list[str]]:
    """Rows and targets of the cold ablation, now and at the earlier commit, and a sentence where that is not to be had."""
    with tempfile.TemporaryDirectory() as name:
        folders = {"now": ROOT}
        if unpacked(BASELINE, Path(name)):
            folders[f"at {BASELINE}"] = Path(name)
        seconds: dict[str, list[float]] = {when: [] for when in folders}
        for _ in tqdm(range(rounds), desc="ablations"):
            for when, folder in folders.items():
                arguments = {"restarts": restarts, "epochs": epochs}
                worker = Worker(MODULE, "ablation", arguments, NO_CACHE, folder)
                seconds[when].append(worker.go()["seconds"])
                worker.stop()
    middle = [statistics.median(each) for each in seconds.values()]
    names = [f"cold ablation, {ARMS} arms, {when}" for when in seconds]
    rows: list[dict[str, Any]] = [{"name": name, "seconds": each} for name, each in zip(names, middle, strict=True)]
    if len(rows) == 1:
        return rows, [], [f"Not measured: a cold ablation at {BASELINE}, which the history of this copy does not hold."]
    now, before = middle
    return rows, [Target(f"a cold ablation, times that at {BASELINE}", now / before, 0.6, higher_is_better=False)], []


def main() -> None:
    """The command line."""
    arguments = tyro.cli(Arguments, config=(tyro.conf.FlagCreatePairsOff,))
    rows, targets = shares(arguments)
    unmeasured: list[str] = []
    if arguments.ablations:
        more, further, unmeasured = ablations(arguments.ablations, arguments.restarts, max(1, arguments.epochs // 10))
        rows, targets = rows + more, targets + further
    show(device_name(), rows, targets, arguments.json, unmeasured)


if __name__ == "__main__":
    main()
