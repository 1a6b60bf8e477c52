"""A kind of sensor that a package on the node brings along, as people write it.

Its name has a dot (`acme.co2`), so it can be none of ours. What it shows is said in the manifest, because triggers are checked
where no such package is; every other key is the package's own, passed on as it is, and checked by nobody but the package.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from protocol.manifest.section import Duration, Pattern
from protocol.manifest.sensing_shown import Showing


class Own(Showing):
    """A kind of your own, by the entry point `bramble.sensors` of a Python package on the node; other keys are the package's."""

    model_config = ConfigDict(extra="allow")

    kind: Annotated[
        str, Pattern(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", "{} is no name of a kind of your own, like `acme.co2`")
    ]
    shows: Literal["level", "number", "text"] = "number"
    every: Duration = Field(default=30.0, ge=0.1)
