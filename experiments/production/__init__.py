"""What the third lecture warns of once a model is in use: drift, cost, and predictions that change the data."""
