"""Histories in silence: they lose thousands of links, and a log that pytest keeps of each would only cost time."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """No log, as in `bramble sim`; what went wrong stands in a history's trace."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
