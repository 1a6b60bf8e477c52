"""What Home Assistant is told of a fleet, and what it may ask of it."""
