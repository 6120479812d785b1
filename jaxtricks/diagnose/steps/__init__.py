"""Signs of faults in a step of a user's own: each file looks for one, and is found by being there."""
