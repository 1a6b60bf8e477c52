"""Pins in, events out; and outputs that know their safe state."""
