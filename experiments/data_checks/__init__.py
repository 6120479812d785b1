"""What the checks of data find: planted faults, clean sets, and faults that others found in real sets."""
