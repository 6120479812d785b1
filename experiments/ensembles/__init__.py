"""Averages of predictions and of weights, and when training ends."""
