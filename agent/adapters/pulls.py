"""Bringing images to the node, whole and on the disk, and made for its processor.

A pull may be done twice, or again after half of it: Docker keeps the layers that were finished. Its refusals become outcomes here;
`EngineAwayError` is the caller's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from agent.adapters.docker_api import SILENCE_S, DockerApi
from agent.adapters.troubles import ENGINE_RETRY_S, pull_trouble
from agent.decide.effects import Pull
from agent.decide.inputs import Done, GiveUp, Outcome, Retry
from protocol.ids import full_reference

_RUNS_TOO: Mapping[str, frozenset[str]] = {"arm64": frozenset({"arm"}), "amd64": frozenset({"386"})}
# What a processor runs besides its own, without emulation.


def pull(api: DockerApi, step: Pull) -> Outcome:
    """Bring an image here, whole and on the disk, and check that this processor can run it."""
    image = step.image
    if image.startswith("sha256:"):
        return GiveUp(f"{image} is an image's id; only a reference can be pulled")
    query = {"fromImage": full_reference(image)}
    for line in api.lines("POST", "/images/create", query, silence_s=SILENCE_S):
        if isinstance(line, dict) and line.get("error"):
            return pull_trouble(image, 0, str(line["error"]))
    os.sync()  # a power cut now would leave empty files that no later pull repairs (moby#36135)
    return _fits(api, image)


def _fits(api: DockerApi, image: str) -> Outcome:
    answer = api.call("GET", f"/images/{image}/json")
    if not answer.ok:
        return Retry(f"image {image} was pulled and is gone again", ENGINE_RETRY_S)
    made_for, ours = str(answer.body.get("Architecture", "")), api.architecture
    if made_for in {"", ours} or made_for in _RUNS_TOO.get(ours, frozenset()):
        return Done()
    return GiveUp(f"image {image} is made for {made_for}, this node is {ours}")
