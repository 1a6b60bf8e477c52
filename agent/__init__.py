"""The agent: what runs on each Pi. `loop` turns, `decide` decides, `store` remembers, `adapters` touch the world."""
