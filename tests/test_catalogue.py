"""The catalogue, read off the declarations: complete, and every entry can be switched on."""

import json
import re

import flax.linen as nn
import jax
import pytest
from hypothesis import given, settings

import jaxtricks as jt
from jaxtricks.config import Kind, choices, fields, items
from jaxtricks.experiment.catalogue import _walk
from tests import strategies

ENTRIES = jt.extend.catalogue()
FIELDS = [entry for entry in ENTRIES if "=" not in entry.path]
CHOICES = [entry for entry in ENTRIES if "=" in entry.path]
PARENTS = {entry.path: entry for entry in FIELDS}  # tricks that are off, and have choices of their own


def experiment_for(entry):
    """The default experiment, of a model, a loss or another part that has the trick."""
    base = jt.Experiment()
    if entry.models:
        return base.replace({"model": entry.models[0]})
    parent, _, name = entry.path.partition("=")[0].rpartition(".")
    if parent in PARENTS:
        base = base.replace({parent: PARENTS[parent].trick.on})
    there = {path: (field, value) for path, field, value in items(base)}
    if parent not in there or name in fields(type(there[parent][1])):
        return base
    family = choices(there[parent][0].type)
    return base.replace({parent: next(choice for choice, cls in family.items() if name in fields(cls))})


def test_paths_are_unique_and_tell_fields_from_choices():
    paths = [entry.path for entry in ENTRIES]
    assert len(set(paths)) == len(paths) and FIELDS and CHOICES
    assert {
        "model.dropout",
        "model.dropout=inverted",
        "optimizer.rule=adamw",
        "optimizer.rule.weight_decay",
        "objective.l2",
    } <= set(paths)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
def test_entry(entry):
    assert entry.trick.summary and not entry.trick.summary.endswith(".") and "\n" not in entry.trick.summary
    assert entry.trick.paper
    assert all(re.fullmatch(r"T\d{3}", row) and 1 <= int(row[1:]) <= 122 for row in entry.trick.rows)
    assert set(entry.models) <= set(choices(nn.Module))
    written = entry.to_json()
    assert written == {
        "path": entry.path,
        "rows": list(entry.trick.rows),
        "paper": entry.trick.paper,
        "summary": entry.trick.summary,
    }
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize("entry", FIELDS, ids=lambda entry: entry.path)
def test_a_trick_is_switched_on_off_and_to_its_neutral_value(entry):
    base = experiment_for(entry)
    off = base.replace({entry.path: None})
    on = off.replace({entry.path: entry.trick.on})
    assert off.diff(on).keys() == {entry.path}
    assert jax.tree.structure(on) != jax.tree.structure(off)  # it is in the program, or it is not
    assert on.replace({entry.path: None}) == off
    if entry.trick.neutral is not None:
        neutral = off.replace({entry.path: entry.trick.neutral})
        assert jax.tree.structure(neutral) == jax.tree.structure(on) and neutral != on


@pytest.mark.parametrize("entry", CHOICES, ids=lambda entry: entry.path)
def test_a_choice_is_made_by_its_bare_name(entry):
    path, _, name = entry.path.partition("=")
    chosen = experiment_for(entry).replace({path: name})
    value = next(value for where, _, value in items(chosen) if where == path)
    value = value[0] if isinstance(value, tuple) else value
    named = {member: label for family in (*families(), nn.Module) for label, member in choices(family).items()}
    assert named[type(value)] == name


def families():
    return [family for family in jt.extend.Family.__subclasses__() if family.__module__.startswith("jaxtricks.")]


def test_every_named_choice_is_constructed_without_arguments():
    bound = (jt.search.SearchRange, jt.search.ManualSearch)  # a range has ends and a list has points, or they are none
    members = [member for family in (*families(), nn.Module) for member in choices(family).values()]
    free = [member for member in members if not issubclass(member, bound)]
    assert len(free) > 20
    assert all(type(member()) is member for member in free)


@settings(max_examples=50, deadline=None)
@given(strategies.experiments())
def test_nothing_that_can_be_off_is_missing(experiment):
    children = (Kind.TRACED, Kind.CONFIG, Kind.MODEL)
    found = {path for path, field, _ in items(experiment) if field.optional and field.kind in children}
    optional = {re.sub(r"^(model\.)+", "model.", path) for path in found}  # a model inside a model has what any model has
    assert optional <= {entry.path for entry in ENTRIES}


def test_a_trick_field_is_optional_and_off_by_default():
    classes = {type(value) for _, _, value in items(jt.Experiment()) if hasattr(type(value), "__jaxtricks_config__")}
    classes |= {member for family in (*families(), nn.Module) for member in choices(family).values()}
    tricks = {(cls, name): field for cls in classes for name, field in fields(cls).items() if field.trick is not None}
    assert len(tricks) >= 10
    for (cls, name), field in tricks.items():
        assert field.optional, (cls, name)
        assert getattr(cls(), name) is None, (cls, name)


def test_a_family_whose_members_hold_members_is_walked_once():
    class Shape(jt.extend.Family):
        pass

    @jt.extend.config("round", rows=["T001"], paper="a paper")
    class Round(Shape):
        """A shape."""

    @jt.extend.config("around", rows=["T002"], paper="a paper")
    class Around(Shape):
        """A shape around another."""

        inner: Shape | None = None

    @jt.extend.config()
    class Drawing:
        shape: Shape = Round()

    paths = [entry.path for entry in _walk(Drawing, "", ())]
    assert paths == ["shape=round", "shape=around", "shape.inner=round", "shape.inner=around"]


def test_a_user_s_own_trick_is_an_entry_as_any_other():
    @jt.extend.config()
    class Own:
        power: float | None = jt.extend.trick(
            default=None, rows=[], paper="mine", summary="Raise to a power", on=2.0, neutral=1.0
        )

    (entry,) = _walk(Own, "own.", ())
    assert entry.to_json() == {"path": "own.power", "rows": [], "paper": "mine", "summary": "Raise to a power"}
