"""Layers and what goes into them: activations, initializers, normalization, dropout."""
