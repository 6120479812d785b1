"""The words that docstrings have for the fields of a class."""

import inspect
import re


def documented(cls: type) -> dict[str, str]:
    """What the `Args:` of a class and of its bases say of each field, a class before its bases.

    >>> documented(jt.optim.Lookahead)["every"]
    'k, in steps.'

    Args:
        cls: any class; one without a docstring of its own adds nothing.
    """
    found: dict[str, str] = {}
    for base in cls.__mro__:
        text = inspect.cleandoc(vars(base).get("__doc__") or "")
        for name, words in _entries(text):
            found.setdefault(name, words)
    return found


def _entries(text: str) -> list[tuple[str, str]]:
    """The name and the words of each entry of the section `Args:`, whose entries are indented by four spaces."""
    section = re.search(r"^Args:\n((?:(?: {4}.*)?\n?)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE)
    return [(name, " ".join(words.split())) for name, words in entries]
