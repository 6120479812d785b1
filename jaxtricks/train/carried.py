"""Restarts that go to another process, or into a file: pickled, or copied."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxtricks.engine.layout import Layout
from jaxtricks.engine.plan import Plan
from jaxtricks.engine.processes import gathered
from jaxtricks.train.loop import Trained


class Carried(NamedTuple):
    """What members came to, on the host, without the devices that they were trained on.

    Args:
        fields: those of `Trained`, but for its plan; of the states only those of the members.
        width: members that go through the program together on one device.
        epochs: epochs of one segment.
        window: bytes of examples that a device is handed at a time; None: it holds all data.
    """

    fields: dict[str, Any]
    width: int
    epochs: int
    window: int | None

    @classmethod
    def of(cls, trained: Trained) -> "Carried":
        """What can be carried of trained members."""
        states = jax.tree.map(lambda leaf: np.asarray(leaf)[trained.rows], gathered(trained.states))
        fields = trained._asdict() | {"states": states, "rows": np.arange(len(trained.rows)), "pictures": dict(trained.pictures)}
        plan = fields.pop("plan")
        return cls(fields, plan.width, plan.epochs, plan.window)

    def here(self) -> Trained:
        """The members, with the devices of this process to compute on; another number of devices may round differently."""
        mesh = Layout().mesh(len(self.fields["rows"]))
        return Trained(**self.fields, plan=Plan(mesh, self.width, self.epochs, self.window))
