"""The command line: read the flags, call the library, print what it gives."""

from jaxtricks.cli.entry import main

__all__ = ["main"]
