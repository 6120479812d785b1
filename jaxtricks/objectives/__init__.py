"""Losses, penalties and metrics of a batch."""
