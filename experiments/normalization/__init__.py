"""Normalization of what goes on inside a network: batch norm, layer norm, group norm."""
