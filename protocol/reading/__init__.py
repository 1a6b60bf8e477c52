"""From the bytes of a manifest to the stack that it means: parse, fill in variables, check, translate; every fault has its line.

`stackfile` is the way in. Nothing here raises on any input.
"""
