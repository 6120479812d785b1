"""What a test set shows, and what it no longer shows when it is looked at often."""
