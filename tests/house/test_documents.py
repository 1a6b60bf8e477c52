"""The generated pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import generate
from protocol import topics

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`make docs` was run after the last change."""
    assert (ROOT / "docs" / name).read_text() == generate.PAGES[name]()


def test_every_topic_is_on_its_page() -> None:
    """Nothing travels that is not written down."""
    page = (ROOT / "docs" / "topics.md").read_text()
    assert [cls.TEMPLATE for cls in topics.TOPICS if f"`{cls.TEMPLATE}`" not in page] == []
