"""Which version of Bramble runs here: every process says it, on the wire or to people."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTION = "bramble-fleet"

FROM_SOURCE = "0+source"
"""Run from a checkout that nobody installed: a version below every release (PEP 440)."""


def installed() -> str:
    """The version of the distribution that holds this process."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return FROM_SOURCE
