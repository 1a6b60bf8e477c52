"""What an exit code leaves unsaid: that a program was never begun.

The runtime tries the program only after Docker has called the container started. What it then cannot execute (a file of another
processor, or one without bytes) ends with 1 or 255 like any failure, and a line in the log. It is given the code that a shell has
for it.
"""

from __future__ import annotations

from dataclasses import replace

from agent.adapters.docker_api import DockerApi
from agent.decide.inputs import ContainerSeen

CANNOT_EXECUTE = 126
_AMBIGUOUS = (1, 255)
_SIGN = b"exec format error"


def named_end(api: DockerApi, seen: ContainerSeen) -> ContainerSeen:
    """A container with an exit code that tells whether its program ran at all."""
    if seen.exit_code not in _AMBIGUOUS:
        return seen
    said = b"".join(api.chunks(f"/containers/{seen.id}/logs", {"stdout": 1, "stderr": 1, "tail": 1}))
    return replace(seen, exit_code=CANNOT_EXECUTE) if _SIGN in said else seen
