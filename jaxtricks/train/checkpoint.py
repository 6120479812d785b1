"""What training learnt, on disk: the only file that knows Orbax."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from orbax.checkpoint import v1 as ocp

from jaxtricks.train.member import CARRY, Variables
from jaxtricks.train.runs import Runs


class CheckpointError(ValueError):
    """Weights that cannot be read: one sentence that names the folder."""


def save_weights(runs: Runs, folder: Path) -> None:
    """Writes the variables that every run's model is evaluated with, stacked, into a new folder.

    Args:
        runs: the runs.
        folder: absent as yet.
    """
    ocp.save(folder.absolute(), {name: tree for name, tree in runs.variables.items() if name != CARRY})


def load_weights(folder: Path) -> Variables:
    """What `save_weights` wrote: {"params": …, …}, each array with a leading axis [runs].

    Args:
        folder: the same.

    Raises:
        CheckpointError: if it holds no weights, or damaged ones.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} holds no weights.")
    try:
        state: Any = ocp.load(folder.absolute())
        return jax.tree.map(np.asarray, state)
    except Exception as error:  # Orbax raises what its storage raises
        reason = str(error.__cause__ or error).splitlines()[0]
        raise CheckpointError(f"{folder} holds weights that cannot be read: {reason}") from error
