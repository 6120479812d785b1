"""State → step → fit: many restarts in one compiled program."""
