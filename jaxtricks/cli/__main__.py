"""`python -m jaxtricks.cli`."""

from jaxtricks.cli import main

main()
