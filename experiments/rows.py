"""Rows of the lectures' inventory that no claim has a result for, and why."""

WITHOUT: dict[str, str] = {
    "T093": "names a price and a device that is not at hand",
    "T108": "is a check of one's own derivatives, which the tests of the library make",
}
