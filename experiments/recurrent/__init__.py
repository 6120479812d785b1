"""Sequences: cells and their biases, dropout and normalization in recurrence, losses of sequences, batching, big vocabularies."""
