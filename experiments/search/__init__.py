"""Claims about the search of hyperparameters."""
