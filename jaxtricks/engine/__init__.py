"""Many restarts as one program: devices, batches of members, epochs, and processes."""
