"""Which version of Bramble runs here: every process says it, on the wire or to people.

Read from the name of the folder that an installer leaves beside the code (PEP 376, PEP 427), and not with importlib.metadata, which
costs an agent 0.8 MB.
"""

from __future__ import annotations

import sys
from pathlib import Path

DISTRIBUTION = "bramble_fleet"
SUFFIX = ".dist-info"

FROM_SOURCE = "0+source"
"""Run from a checkout that nobody installed: a version below every release (PEP 440)."""


def installed() -> str:
    """The version of the distribution that holds this process."""
    folders = (folder for place in sys.path for folder in Path(place).glob(f"{DISTRIBUTION}-*{SUFFIX}"))
    folder = next(folders, None)
    return FROM_SOURCE if folder is None else folder.name.removesuffix(SUFFIX).partition("-")[2]
