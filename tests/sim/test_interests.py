"""A broker's tree of subscriptions finds whom a plain comparison of levels finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.interests import Interests

NAMES = st.sampled_from(["a", "b", "", "pi-1"])
TOPICS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = st.builds(
    lambda levels, rest: "/".join((*levels, *rest)),
    st.lists(st.one_of(NAMES, st.just("+")), max_size=4),
    st.sampled_from([("#",), ("a",), ("+",)]),
)
ASKED = st.lists(st.tuples(PATTERNS, st.integers(0, 1)), max_size=3).map(tuple)


def covers(pattern: str, topic: str) -> bool:
    """Whether a subscription covers a topic (MQTT 5, 4.7), level by level."""
    levels, wanted = topic.split("/"), pattern.split("/")
    for place, want in enumerate(wanted):
        if want == "#":
            return True
        if place >= len(levels) or want not in ("+", levels[place]):
            return False
    return len(levels) == len(wanted)


@given(asked=st.dictionaries(st.sampled_from("xyz"), ASKED, max_size=3), later=ASKED, topic=TOPICS)
def test_whoever_asks_is_found_with_his_best_quality(
    asked: dict[str, tuple[tuple[str, int], ...]], later: tuple[tuple[str, int], ...], topic: str
) -> None:
    """Also after a client has asked for something else."""
    interests = Interests()
    for client_id, wanted in (*asked.items(), ("x", later)):
        interests.ask(client_id, wanted)
        interests.of(topic)
    expected = {
        client_id: max(qos for pattern, qos in wanted if covers(pattern, topic))
        for client_id, wanted in (asked | {"x": later}).items()
        if any(covers(pattern, topic) for pattern, _ in wanted)
    }
    assert dict(interests.of(topic)) == expected
