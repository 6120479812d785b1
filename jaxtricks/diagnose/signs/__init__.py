"""One file for each sign of a fault."""
