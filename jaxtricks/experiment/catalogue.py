"""The catalogue: every trick that an experiment can switch, read off the declarations."""

import dataclasses
from typing import Any

from jaxtricks.config import Field, Kind, Trick, choice_trick, choices, fields
from jaxtricks.experiment.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Entry:
    """One trick of the catalogue.

    Args:
        path: the dotted path of an optional field, or path=name of a named choice.
        trick: its rows, paper, summary, and the values that turn it on or make it neutral.
        models: the names of the models that have it; empty if every experiment has it.
    """

    path: str
    trick: Trick
    models: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry as `jaxtricks list tricks --json` prints it."""
        return {"path": self.path, "rows": list(self.trick.rows), "paper": self.trick.paper, "summary": self.trick.summary}


def catalogue() -> list[Entry]:
    """Every optional field and named choice of an experiment, in the order of declaration.

    >>> {entry.path: entry.trick.paper for entry in jt.extend.catalogue()}["optimizer.clip_norm"]
    'Pascanu+ 2013'
    """
    found: dict[str, Entry] = {}
    for entry in _walk(Experiment, "", ()):
        known = found.get(entry.path)
        found[entry.path] = entry if known is None else _joined(known, entry)
    return list(found.values())


def _joined(known: Entry, more: Entry) -> Entry:
    """Joins the entries of a field that several models have; the field may be another trick in each of them."""
    a, b = known.trick, more.trick
    rows, models = (tuple(dict.fromkeys(x + y)) for x, y in ((a.rows, b.rows), (known.models, more.models)))
    told = b.summary in a.summary
    summary = a.summary if told else f"{a.summary}; {', '.join(more.models)}: {b.summary}"
    paper = a.paper if told else f"{a.paper}; {b.paper}"
    return dataclasses.replace(known, models=models, trick=dataclasses.replace(a, rows=rows, summary=summary, paper=paper))


def _walk(cls: type, prefix: str, models: tuple[str, ...], above: tuple[type, ...] = ()) -> list[Entry]:
    entries: list[Entry] = []
    if cls in above:  # a rule around a rule: listed once
        return entries
    for field in fields(cls).values():
        path = prefix + field.name
        if field.trick is not None:
            entries.append(Entry(path, field.trick, models))
        if field.kind is Kind.MODEL and models:  # a model inside a model: what it has is listed as a model's own
            continue
        for name, member in _members(field).items():
            inside = (*models, name) if field.kind is Kind.MODEL else models
            trick = choice_trick(member)
            if trick is not None:
                entries.append(Entry(f"{path}={name}", trick, models))
            entries += _walk(member, f"{path}.", inside, (*above, cls))
    return entries


def _members(field: Field) -> dict[str, type]:
    """The classes that a field may hold, by name: the choices of a family, or one config class under an empty name."""
    return {} if field.family is None else choices(field.family) or {"": field.family}
