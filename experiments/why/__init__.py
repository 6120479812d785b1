"""Why training works at all: what networks memorize, and why more parameters help."""
