"""Placeholders: one manifest, another text on each node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.container import Container, File, Mount
from protocol.template import Facts, fault, objections, rendered

FACTS = Facts("pi-1", "pi-one", "10.0.0.7", {"site": "home", "empty": ""}, "porch.web", "porch.web.3")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("{{.Node.Labels.site}}", "home"),
        ("{{ .Node.Hostname }}:{{.Node.Address}}", "pi-one:10.0.0.7"),
        ("{{.Node.ID}}", "pi-1"),
        ("{{.Service.Name}} {{.Task.Name}} {{.Task.Slot}}", "porch.web porch.web.3 3"),
        ("<{{.Node.Labels.empty}}>", "<>"),
        ("{{ $labels.instance }} {{.Status}} {}", "{{ $labels.instance }} {{.Status}} {}"),
    ],
)
def test_a_placeholder_reads_as_what_the_node_has(text: str, read: str) -> None:
    """Ours are filled in, everybody else's braces are left alone."""
    assert fault(text) == ""
    assert rendered(Container("a", environment={"X": text}), FACTS).environment == {"X": read}


@pytest.mark.parametrize(
    "text",
    [
        "{{.Node.Label.site}}",
        "{{.Node}}",
        "{{.Node.Labels.}}",
        "{{ .Task.Number }}",
        "{{ upper .Node.ID }}",
        "{{.Node.ID}",
    ],
)
def test_a_wrong_placeholder_is_a_fault_that_names_the_right_ones(text: str) -> None:
    """Nothing that means a node is passed on as it stands."""
    assert "{{.Node.Labels.NAME}}" in fault(text)


def test_every_place_of_a_container_is_filled() -> None:
    """Environment, host name, sources of mounts, files."""
    text = "{{.Node.Labels.site}}"
    container = Container(
        "a",
        environment={"A": text},
        hostname=text,
        mounts=(Mount("bind", "/x", f"/srv/{text}"),),
        files=(File("/c", text),),
    )
    made = rendered(container, FACTS)
    assert (made.environment["A"], made.hostname, made.mounts[0].source, made.files[0].content) == (
        "home",
        "home",
        "/srv/home",
        "home",
    )


def test_what_a_node_lacks_is_one_sentence_each() -> None:
    """A missing label speaks against its node alone."""
    container = Container(
        "a", environment={"A": "{{.Node.Labels.room}}{{.Node.Address}}", "B": "{{.Node.Labels.room}}"}
    )
    assert objections(container, Facts("pi-2")) == (
        "has not told its address, which a template asks for",
        "has no label room, which a template asks for",
    )
    assert objections(container, Facts("pi-2", address="::1", labels={"room": ""})) == ()


@given(st.text())
def test_a_text_without_braces_of_ours_stays_as_it_is(text: str) -> None:
    """Only placeholders are touched."""
    if ".Node" not in text and ".Service" not in text and ".Task" not in text:
        assert fault(text) == ""
        assert rendered(Container("a", hostname=text), FACTS).hostname == text
