"""Simulated searches: whether what the statistics of trials state comes true as often as stated."""
