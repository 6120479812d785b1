"""The command that checks the gradient of an activation or of a user's function."""

import dataclasses
import json
import sys

from jaxtricks.cli.command import Command, Settings
from jaxtricks.cli.optional import Positional, Switch
from jaxtricks.diagnose.gradients import check_named


@dataclasses.dataclass(frozen=True)
class CheckGradient(Command):
    """Compare the gradient of an activation or of your own function with central differences; exit code 1 where it is wrong.

    Args:
        function: an activation's name, such as gelu, or module:function, found from the current folder too.
        points: how many points to check: 0, and others drawn from N(0, 3²).
        seed: of the draw.
        json: print one JSON object instead of text.
    """

    function: Positional[str]
    points: int = 100
    seed: int = 0
    json: Switch = False

    def __call__(self, settings: Settings, line: str) -> None:
        check = check_named(self.function, self.points, self.seed)
        print(json.dumps(check.to_json()) if self.json else check)
        if not check.ok:
            sys.exit(1)
