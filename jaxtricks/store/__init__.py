"""What a fit writes to disk and reads back: checkpoints, their manifest, and curves."""
