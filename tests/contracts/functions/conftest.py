"""The worlds of the suite; the real ones share one host with an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import needs
from lab.images import Image, archive
from lab.site import Site
from protocol.function import Mode, Transport
from tests.contracts.functions.worlds import EngineWorld, FakeWorld, ProcessWorld, World
from tests.fakes.warm_box import Inside

IMAGE = "bare:1"


@pytest.fixture(scope="package")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """An agent on a host whose engine has one small image."""
    if lacks := needs.lacks():
        pytest.fail("\n".join(map(str, lacks)), pytrace=False)
    with Site() as site:
        (host,) = site.start_hosts("pi-1")
        host.docker("load", "--quiet", given=archive(Image("bare", "1"), IMAGE))
        made = Inside(host, tmp_path_factory.mktemp("warm"))
        yield made
        made.close()


ENGINES = {
    "once": (Mode.ONCE, Transport.HTTP),
    "warm": (Mode.WARM, Transport.HTTP),
    "socket": (Mode.WARM, Transport.SOCKET),
}
OTHERS: dict[str, Callable[[Path], World]] = {
    "process": ProcessWorld,
    "fake-once": lambda _: FakeWorld(Mode.ONCE),
    "fake-warm": lambda _: FakeWorld(Mode.WARM),
}


@pytest.fixture(scope="module", params=[*OTHERS, *(pytest.param(name, marks=pytest.mark.lab) for name in ENGINES)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Every way of running a function, in turn."""
    if request.param in OTHERS:
        yield OTHERS[request.param](tmp_path_factory.mktemp("processes"))
        return
    made = EngineWorld(request.getfixturevalue("inside"), IMAGE, *ENGINES[request.param])
    yield made
    made.end()
