"""What data that cannot be used raise."""


class DataError(ValueError):
    """A data set that was asked for or handed over cannot be used; the message is for the user."""
