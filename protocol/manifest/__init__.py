"""What people write: the models of a manifest, section by section, strict, with the words of each key.

`protocol.reading` makes a stack of a file with them. No process but the controller and the command line loads them: they are
pydantic's, which an agent has no memory for.
"""
