"""Searches that are killed with -9 at random moments, alone and shared, and what becomes of them."""
