"""Transformers: what is in their feed-forward layers, and how their training starts."""
