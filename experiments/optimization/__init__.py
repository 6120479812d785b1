"""Optimization: update rules, learning rates and their schedules, decay, and what gradient descent finds."""
