"""Topics are two-way values."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import delivery, topics
from protocol.ids import NAME_PATTERN

names = st.from_regex(NAME_PATTERN, fullmatch=True).filter(lambda text: "\n" not in text)
any_topic = st.sampled_from(topics.TOPICS).flatmap(lambda cls: st.builds(cls, *[names for _ in fields(cls)]))


@given(any_topic)
def test_every_topic_reads_back_as_itself(topic: topics.Topic) -> None:
    """parse(str(t)) == t for every topic and all names."""
    assert topics.parse(str(topic)) == topic


@pytest.mark.parametrize("cls", topics.TOPICS)
def test_the_longest_levels_read_back(cls: type[topics.Topic]) -> None:
    """What is cut off as too long to be ours is longer than the longest that is."""
    topic = cls(*["a" * 128 for _ in fields(cls)])
    assert topics.parse(str(topic)) == topic


@given(st.text())
def test_no_text_makes_parse_raise(text: str) -> None:
    """A text that is no topic of ours is None, never an exception."""
    topic = topics.parse(text)
    assert topic is None or str(topic) == text


@given(
    st.lists(st.sampled_from(["node", "pi-1", "up", "down", "event", "+", "#", "", "a/b", "order", "stack", "status"]))
)
def test_what_looks_like_a_topic_reads_back_or_is_none(levels: list[str]) -> None:
    """Wildcards, empty levels and half-written topics are none of ours."""
    text = "/".join([topics.ROOT, "default", *levels])
    topic = topics.parse(text)
    assert topic is None or str(topic) == text


@given(any_topic)
def test_a_filter_names_the_levels_it_fixes(topic: topics.Topic) -> None:
    """A subscription differs from the topic only where it says any."""
    wanted = topics.filter_of(type(topic), topic.fleet).split("/")
    got = str(topic).split("/")
    assert len(wanted) == len(got)
    assert all(w in (topics.ANY, g) for w, g in zip(wanted, got, strict=True))


def test_every_topic_has_exactly_one_row_in_the_delivery_table() -> None:
    """The table and the topics are the same set."""
    assert [row.topic for row in delivery.TABLE] == list(topics.TOPICS)


def test_up_is_the_nodes_and_down_is_the_controllers() -> None:
    """One writer per topic, visible in its text (law 5)."""
    for row in delivery.TABLE:
        if "/up/" in row.topic.TEMPLATE:
            assert row.writer is delivery.Writer.NODE, row.topic
        if "/down/" in row.topic.TEMPLATE:
            assert row.writer is delivery.Writer.CONTROLLER, row.topic


def test_state_is_retained_and_nothing_else_is() -> None:
    """A fact that were retained would be handled again by every new reader."""
    for row in delivery.TABLE:
        assert row.retain == (row.delivery_class is delivery.Class.STATE), row.topic
