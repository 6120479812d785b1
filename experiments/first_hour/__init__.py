"""Ten data sets and models as people bring them, from a file to a verdict and a page: `python -m experiments.first_hour`."""
