"""How it gets there, over a link that comes and goes: `broker` (the wire), `outbox`, `courier` and `intake` (nothing is lost)."""
