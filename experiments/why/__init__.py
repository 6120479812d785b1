"""Why training works at all: what networks memorize, why more parameters help, and what hides in untrained networks."""
