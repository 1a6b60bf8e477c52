"""Which functions are called by what happens: events (`matching`), nodes that come and go (`nodes`), results (`results`).

What a trigger asks of an event is said in `when`, what it remembers of earlier ones in `memory`. Pure; the same on both sides.
"""
