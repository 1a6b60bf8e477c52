"""Bad input on real parts: each kind gets its sentence, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocol.operator import OrderVerb, Verdict
from tests.lab.desk import Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

GOOD = """
services:
  clock:
    image: registry.local:5000/clock:1
    ports: ["9000:80"]
"""


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node, one controller, and a good stack that must go on running through everything below."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1") as desk:
        desk.publish("good", GOOD.encode())
        desk.runs("good")
        yield desk


@pytest.fixture(autouse=True)
def everything_else_goes_on(desk: Desk) -> Iterator[None]:
    """The good container is the same before and after, and the controller answers."""
    before = desk.bramble.containers("clock")
    yield
    assert desk.bramble.containers("clock") == before
    assert desk.watch.order(OrderVerb.NODES)[0]["presence"] == "online"


@pytest.mark.parametrize(
    ("payload", "line", "column", "says", "remedy"),
    [
        ("services:\n  web: [", 2, 9, "not readable as YAML", ""),
        ("services:\n  web: {image: a, ports: ['80'], imagee: b}", 2, 34, "'imagee' is not supported", "did you mean 'image'?"),
        ("services:\n  web:\n    image: a\n    deploy: {replicas: many}", 4, 14, "must be a whole number, not 'many'", ""),
        ("services:\n  web: {image: a, ports: ['80:80:80:80']}", 2, 27, "is no address", "write it like 127.0.0.1:8080:80"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_read_is_refused_by_line(  # noqa: PLR0917  (a row of the table)
    desk: Desk, payload: str, line: int, column: int, says: str, remedy: str
) -> None:
    """Malformed YAML, an unknown key, a wrong type, a wrong value: line, column, sentence, remedy."""
    desk.watch.stacks.pop("bad", None)
    fault = desk.refusal("bad", payload)
    assert (fault.line, fault.column) == (line, column)
    assert says in fault.reason
    assert remedy in fault.remedy


def test_a_refusal_leaves_the_accepted_revision_running(desk: Desk) -> None:
    """A typo in an update stops nothing; the status names both the fault and the revision that goes on."""
    accepted = desk.watch.stacks["good"].revision
    desk.refusal("good", GOOD.replace("image", "imagge"))
    assert any("imagge" in fault.reason for fault in desk.watch.stacks["good"].faults)
    assert desk.watch.stacks["good"].revision == accepted
    desk.publish("good", GOOD.encode())
    desk.status("good", Verdict.ACCEPTED)


def test_two_stacks_cannot_claim_one_port(desk: Desk) -> None:
    """The second is refused, and told by whom the port is taken."""
    fault = desk.refusal("thief", GOOD)
    assert "9000" in fault.reason
    assert "good" in fault.reason
    assert fault.line is not None


def test_a_constraint_that_no_node_fulfils_is_pending_with_the_reason(desk: Desk) -> None:
    """The stack is accepted, for a node may come; until then it says why nothing runs."""
    desk.publish("roof", b"services: {web: {image: a, deploy: {placement: {constraints: [node.labels.site == roof]}}}}")
    assert "roof" in desk.reason("roof", "pi-1")


def test_an_image_that_does_not_exist_is_named(desk: Desk) -> None:
    """The task is rejected and the sentence names the image."""
    desk.publish("ghost", b"services: {web: {image: registry.local:5000/ghost:1}}")
    assert "registry.local:5000/ghost:1" in desk.reason("ghost", "does not exist")


def test_a_registry_that_is_down_is_tried_again(desk: Desk) -> None:
    """The reason says that the registry does not answer; when it comes back the service starts by itself."""
    desk.bramble.registry.kill()
    desk.publish("late", b"services: {clock2: {image: 'registry.local:5000/dashboard:3'}}")
    desk.reason("late", "registry")
    desk.bramble.registry.start()
    desk.watch.until(lambda: desk.watch.stacks["late"].services[0].running == 1, "the late service to run", 90.0)


def test_ten_megabytes_are_refused_in_words(desk: Desk) -> None:
    """The publisher is not cut off; the stack's status says how large a manifest may be."""
    fault = desk.refusal("huge", b"#" * 10_000_000)
    assert "10000000" in fault.reason
    assert "262144" in fault.reason


def test_removing_an_unknown_stack_changes_nothing(desk: Desk) -> None:
    """An empty payload for a stack that never was leaves no status and no trouble."""
    desk.publish("never", b"")
    desk.watch.read(1.0)
    assert "never" not in desk.watch.stacks
    assert "never" not in [row["stack"] for row in desk.watch.order(OrderVerb.STACKS)]


def test_messages_of_and_for_unknown_nodes_are_passed_over(desk: Desk) -> None:
    """Neither a stranger's words nor an assignment for nobody disturb the fleet; an order for it says so."""
    desk.send("node/stranger/up/status", '{"node":"stranger","epoch":1,"sequence":1}')
    desk.send("node/stranger/up/health", "rubbish")
    desk.send("node/stranger/down/assignment", "{}")
    with pytest.raises(RuntimeError, match="stranger"):
        desk.watch.order(OrderVerb.DRAIN, "stranger")
    assert [row["node"] for row in desk.watch.order(OrderVerb.NODES)] == ["pi-1"]
