"""Runs → verdicts, ablations, ensembles, claims."""
