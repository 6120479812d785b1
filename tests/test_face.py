"""The names that a user meets: a first page of them at the top, the rest in namespaces, old ones for a release."""

import functools
import importlib
import inspect
import pkgutil
import re
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import jaxtricks as jt
from jaxtricks.moved import MOVED

NAMESPACES = {name: value for name in jt.__all__ if isinstance(value := getattr(jt, name), types.ModuleType)}


def test_the_top_holds_a_first_page_of_names_and_the_namespaces():
    assert 30 <= len(jt.__all__) - len(NAMESPACES) <= 54
    assert {"nn", "optim", "schedules", "losses", "metrics", "data", "diagnose", "extend"} <= set(NAMESPACES)
    assert {"load", "Experiment", "fit", "compare", "ablate", "ensemble"} <= set(jt.__all__)


@pytest.mark.parametrize("module", [jt, *NAMESPACES.values()], ids=lambda module: module.__name__)
def test_completion_shows_the_public_names_and_no_more(module):
    assert dir(module) == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__doc__


@pytest.mark.parametrize("module", NAMESPACES.values(), ids=lambda module: module.__name__)
def test_no_public_name_hides_a_file_of_its_room(module):
    files = {file.name for file in pkgutil.iter_modules(getattr(module, "__path__", []))}
    assert not files & set(module.__all__)


@pytest.mark.parametrize("old", sorted(MOVED))
def test_a_name_that_moved_says_where_it_is_now(old):
    namespace, name = MOVED[old].split(".")
    assert name in NAMESPACES[namespace].__all__ and old not in jt.__all__
    with pytest.warns(DeprecationWarning, match=rf"^jaxtricks\.{old} is now jaxtricks\.{namespace}\.{name}\.$") as said:
        value = getattr(jt, old)
    assert value is getattr(NAMESPACES[namespace], name)
    assert said[0].filename == __file__  # the line that is to be changed


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = jt.Nothing


def test_every_public_family_is_in_a_namespace():
    public = {id(getattr(module, name)) for module in NAMESPACES.values() for name in module.__all__}
    families = {family for family in jt.extend.Family.__subclasses__() if family.__module__.startswith("jaxtricks.")}
    assert not [family for family in families if id(family) not in public]


def test_the_module_of_configs_stands_under_its_name_and_is_the_decorator_too():
    assert inspect.ismodule(jt.config) and jt.config is importlib.import_module("jaxtricks.config")

    @jt.extend.config()
    class Mine:
        rate: jt.extend.Rate = 0.5

    assert jt.config.is_config(Mine) and Mine(rate=0.25).rate == 0.25


def test_the_head_of_a_family_makes_what_its_field_makes_of_a_value():
    assert jt.Dropout(0.25) == jt.nn.Inverted(rate=0.25) == jt.MLP(dropout=0.25).dropout
    assert jt.optim.Decay(0.5) == jt.optim.Decoupled(rate=0.5)
    assert jt.optim.LearntClip(0.5) == jt.optim.QuantileClip(quantile=0.5)
    assert jt.nn.Activation("gelu") == jt.nn.GELU()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (2.0, r"Inverted\.rate = 2\.0 is not a number in \[0, 1\)\."),
        ("invertd", r"Dropout\('invertd'\) is no dropout; did you mean 'inverted'\?"),
        (True, r"Dropout\(True\) is no dropout; there are: inverted, test_scaled\."),
    ],
)
def test_the_head_of_a_family_refuses_what_its_field_refuses(value, error):
    with pytest.raises(jt.ConfigError, match=error):
        jt.Dropout(value)


DOCUMENTS = [path for pattern in ("*.md", "docs/*.md", "colab/*.py") for path in sorted(Path(__file__).parents[1].glob(pattern))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_use_names_that_are_there(document):
    names = set(re.findall(r"(?<![\w.])jt((?:\.[A-Za-z_]\w*)+)", document.read_text()))
    assert names or document.name == "design.md"
    for name in names:  # a name that moved would warn, and warnings are errors
        functools.reduce(getattr, name[1:].split("."), jt)


def test_the_readme_s_metric_is_a_number_where_a_class_is_missing():
    text = (Path(__file__).parents[1] / "README.md").read_text()
    written: dict = {"jnp": jnp}
    exec(re.search(r"^def worst_recall.*?\n(?=\n)", text, re.MULTILINE | re.DOTALL)[0], written)
    scores = jax.nn.one_hot(jnp.array([0, 1, 1, 0]), 10)
    assert written["worst_recall"](scores, jnp.array([0, 1, 1, 1])) == pytest.approx(2 / 3)
