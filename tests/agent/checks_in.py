"""What an agent does when the controller knows it: says that its release is kept."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.launcher.disk import Disk
from agent.launcher.markers import keep

keep(Disk(Path(sys.argv[1])), sys.argv[2])
