"""A site for the tests that need real hosts; without root or programs they fail in plain words (`make lab` asks first)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import needs
from lab.site import Site


@pytest.fixture(scope="session")
def able_machine() -> None:
    """A machine that lacks nothing for the lab."""
    if lacks := needs.lacks():
        pytest.fail("\n".join(map(str, lacks)), pytrace=False)


@pytest.fixture(scope="module")
def site(able_machine: None) -> Iterator[Site]:
    """An empty site for the tests of one module."""
    with Site() as made:
        yield made
