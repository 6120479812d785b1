"""What a long run survives: kills at random moments, and damage to its checkpoints."""
