"""The controller: one per fleet. `loop` turns, `decide` decides, `store` remembers, `adapters` touch the world."""
