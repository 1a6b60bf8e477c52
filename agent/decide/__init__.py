"""What a node decides: pure functions of its state, of what happened, and of the time it was told."""
