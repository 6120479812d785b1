"""The claims that there are: every module of `experiments/<chapter>/`, with nothing to register."""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path

from jaxtricks.config import ConfigError, nearest
from jaxtricks.evaluate.claim import Claim

ROOT = Path(__file__).parent
OTHERS = (
    "calibration",
    "crowded_valley",
    "data_checks",
    "doctor",
    "drift",
    "first_hour",
    "label_errors",
    "lr_range",
    "perplexities",
    "search_kills",
    "search_luck",
    "search_statistics",
    "speed",
)  # folders without claims
SCRIPTS = {"reliability": {"corrupt", "kill", "worker"}}  # chapter → its modules that are none


def claims() -> dict[str, Claim]:
    """Name → claim, in the order of the inventory's rows; modules whose name starts with an underscore are helpers.

    Raises:
        ConfigError: for a module without a `CLAIM` of its own, or two of one name.
    """
    found: dict[str, Claim] = {}
    for chapter in pkgutil.iter_modules([str(ROOT)]):
        if not chapter.ispkg or chapter.name in OTHERS:
            continue
        for module in pkgutil.iter_modules([str(ROOT / chapter.name)]):
            if module.name.startswith("_") or module.name in SCRIPTS.get(chapter.name, ()):
                continue
            path = f"{__package__}.{chapter.name}.{module.name}"
            claim = getattr(importlib.import_module(path), "CLAIM", None)
            if not isinstance(claim, Claim) or claim.measure.__module__ != path:
                raise ConfigError(f"{path} is in a chapter and defines no CLAIM with a measure of its own.")
            if module.name in found:
                raise ConfigError(f"{path} has the name of a claim of chapter {found[module.name].chapter}; take another one.")
            found[module.name] = claim
    return dict(sorted(found.items(), key=lambda item: (item[1].rows, item[0])))


def select(names: Sequence[str]) -> dict[str, Claim]:
    """The claims of these names, or all of them for none.

    Raises:
        ConfigError: for a name that there is not, with the nearest that there is.
    """
    known = claims()
    for name in names:
        if name not in known:
            raise ConfigError(f"there is no claim {name!r}{nearest(name, list(known))}")
    return {name: known[name] for name in names or known}
