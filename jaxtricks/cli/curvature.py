"""The command that measures the curvature along a run."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from jaxtricks.cli.alone import alone
from jaxtricks.cli.command import Command, Copy, Settings
from jaxtricks.cli.optional import Positional, Switch
from jaxtricks.cli.training import ROOT
from jaxtricks.diagnose.by_epoch import EXAMPLES, PROBES, PRODUCTS, curvature_by_epoch
from jaxtricks.report import files
from jaxtricks.report.curvature import write_curvature
from jaxtricks.store import folder as folders
from jaxtricks.store.folder import FolderError
from jaxtricks.store.mirror import working_copy
from jaxtricks.train.fit import snapshots


@dataclasses.dataclass(frozen=True)
class CurvatureCommand(Command):
    """Measure the curvature of the training loss along a run: at the initial weights, and at each checkpoint that it kept.

    Prints both ends of the Hessian's eigenvalues, the condition, the shares of negative and of flat directions, and the gradient
    noise scale, and puts them on the page of a finished run, beside curvature.csv. By default a run keeps its last two
    checkpoints; with --keep-every 5 it keeps more.

    Args:
        folder: the run's folder, such as runs/digits-run-1; of a comparison the baseline is measured.
        examples: training examples of each restart, at most.
        products: products with the Hessian for each random start.
        probes: random starts.
        json: print one JSON object instead of text.
    """

    copies: ClassVar[Mapping[str, Copy]] = {"folder": working_copy}

    folder: Positional[Path]
    examples: int = EXAMPLES
    products: int = PRODUCTS
    probes: int = PROBES
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        folder = folders.found(self.folder, ROOT).absolute()
        _, data = alone(folder)
        kept = snapshots(folder / folders.CHECKPOINTS, data)
        if not kept:
            raise FolderError(f"{self.folder} holds no checkpoint that can be read.")
        found = curvature_by_epoch(kept, examples=self.examples, products=self.products, probes=self.probes)
        page = ""
        if folders.finished(folder):  # a run that goes on writes its own results at its end
            write_curvature(folder, found)
            page = str(files.render(folder))
        if self.json:
            print(json.dumps({"page": page or None, "rows": found.frame().to_pylist()}))
        else:
            print("\n\n".join(filter(None, (str(found), page and str(folders.found(self.folder, ROOT) / folders.PAGE)))))
