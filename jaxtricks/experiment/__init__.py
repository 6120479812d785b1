"""The experiment: what is trained, as values."""
