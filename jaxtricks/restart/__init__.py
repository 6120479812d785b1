"""One restart, as pure functions: its start, its steps, its epochs, its evaluation."""
