"""What data that cannot be used raise."""


class DataError(ValueError):
    """A data set that was asked for or handed over cannot be used; the message is for the user.

    >>> try:
    ...     jt.Dataset.from_arrays([[1.0]], [0, 1])
    ... except jt.DataError as error:
    ...     print(str(error).partition(":")[0])
    y
    """
