"""Feed-forward networks: depth, initialization, regularization."""
