"""Benchmarks: jaxtricks beside its peers, interleaved on one machine, as ratios. Never timed tests."""
