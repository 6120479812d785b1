"""Which of `words` and `text` a kind of data set is loaded with."""

from jaxtricks.data.errors import DataError
from jaxtricks.data.text import Text


def check_images(name: str, words: int | None, text: Text | None, holds: str = "images") -> None:
    """Refuses both, which have no meaning for images and numbers.

    Args:
        name: the data set's.
        words: must be None.
        text: must be None.
        holds: what the data set holds, for the message.
    """
    for field, value in (("words", words), ("text", text)):
        if value is not None:
            raise DataError(f"{field}: {value} for {name!r}, which holds {holds}; only None is allowed.")


def check_words(name: str, words: int | None, text: Text | None) -> None:
    """Makes sure that exactly one of the two is given, which a text with labels needs."""
    _check_kind(name, text)
    if words is None and text is None:
        raise DataError(
            f"words: None for {name!r}, which holds texts; a number of words to count is allowed, such as 5000, or text, such as "
            'Text("word", length=200).'
        )
    if words is not None and text is not None:
        raise DataError(f"words: {words} of {name!r} beside {text}; one of the two is allowed.")
    if words is not None and (isinstance(words, bool) or not isinstance(words, int) or words < 1):
        raise DataError(f"words: {words!r} of {name!r}; a whole number above 0 is allowed.")


def check_text(name: str, words: int | None, text: Text | None) -> Text:
    """Makes sure that `text` is given and `words` is not, as a text without labels needs, and gives it."""
    _check_kind(name, text)
    if words is not None:
        raise DataError(f"words: {words} for {name!r}, a text without labels; only None is allowed.")
    if text is None:
        raise DataError(
            f'text: None for {name!r}, a text without labels; Text("char", length=100) is allowed, or --level char --length 100.'
        )
    return text


def _check_kind(name: str, text: object) -> None:
    if text is not None and not isinstance(text, Text):
        raise DataError(f'text: {text!r} for {name!r} is no `Text`; such as Text("word", length=200) is allowed.')
