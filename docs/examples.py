"""Docstrings as griffe reads them for the site: examples as code, and the fields of classes as their attributes."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*", re.MULTILINE)  # up to the next empty line


class Examples(griffe.Extension):
    """Puts examples into blocks of code, since a prompt is a quotation in Markdown.

    Configs and named tuples have their fields under `Args:` and get their constructor from a decorator, which is not seen here.
    """

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is None:
            return
        obj.docstring.value = fenced(obj.docstring.value)
        if obj.is_class and "__init__" not in obj.members:
            obj.docstring.value = re.sub(r"^Args:$", "Attributes:", obj.docstring.value, flags=re.MULTILINE)


def fenced(text: str) -> str:
    """A docstring with its examples as blocks of code."""
    text = re.sub(r" *# doctest: .*$", "", text, flags=re.MULTILINE)
    return EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", text)
