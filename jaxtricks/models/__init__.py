"""Linen modules put together from `nn`."""
