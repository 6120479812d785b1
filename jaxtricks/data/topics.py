"""The embedded text: CPython's own documentation, real English on every machine."""

from jaxtricks.data.cache import Arrays
from jaxtricks.data.checks import check_text
from jaxtricks.data.corpus import stream
from jaxtricks.data.embedded import embedded
from jaxtricks.data.text import Parts, RawText, Text

TOPICS = "python_topics"


@embedded(TOPICS, examples=1)
def read_topics(words: int | None, text: Text | None) -> Arrays:
    """The arrays of the text.

    Args:
        words: must be None.
        text: how it becomes tokens.
    """
    return stream(python_topics(), check_text(TOPICS, words, text), spaced=False)


def python_topics() -> Parts:
    """CPython's own documentation of its syntax and data model: 79 topics in Python 3.11, in the order of their names."""
    from pydoc_data.topics import topics

    return Parts(RawText(TOPICS, "\n\n".join(topics[name] for name in sorted(topics)).encode()))
