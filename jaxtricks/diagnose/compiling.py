"""Which functions JAX compiles while something runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax.monitoring

COMPILING = "/jax/core/compile/backend_compile_duration"  # also where a program is taken from the cache on the disk


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Gives a list to which the names of functions are added that are compiled before the block ends.

    >>> with compilations() as compiled:
    ...     _ = jax.jit(lambda x: 3 * x - 1)(jnp.ones(7))
    >>> len(compiled) > 0
    True
    """
    names: list[str] = []

    def listen(event: str, duration_secs: float, **about: str | int) -> None:
        if event == COMPILING:
            names.append(str(about.get("fun_name", "a function")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
