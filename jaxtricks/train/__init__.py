"""Training: many restarts in one compiled program, and what they give."""
