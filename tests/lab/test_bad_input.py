"""Bad input on real parts: each kind gets its sentence, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import commands
from lab.bramble import FLEET, REGISTRY_PORT, Bramble, link_settings
from lab.site import Site, silent
from lab.watch import Watch
from link.session import Session
from protocol.operator import ManifestFault, OrderVerb, StackStatus, Verdict

pytestmark = pytest.mark.lab

SOON_S = 20.0
GOOD = """
services:
  clock:
    image: registry.local:5000/clock:1
    ports: ["9000:80"]
"""


@dataclass
class Desk:
    """An operator's desk: publishes anything, and reads what became of it."""

    bramble: Bramble
    watch: Watch
    folder: Path

    def publish(self, stack: str, payload: bytes) -> None:
        path = self.folder / "payload"
        path.write_bytes(payload)
        self.bramble.publish(stack, path)

    def send(self, topic: str, payload: str) -> None:
        at = ["-h", self.bramble.broker.address, "-p", str(self.bramble.broker.port), "-V", "5", "-q", "1"]
        commands.run(["mosquitto_pub", *at, "-t", f"bramble/v1/{FLEET}/{topic}", "-m", payload])

    def status(self, stack: str, verdict: Verdict, within_s: float = SOON_S) -> StackStatus:
        def claim() -> StackStatus | None:
            status = self.watch.stacks.get(stack)
            return status if status and status.verdict is verdict else None

        return self.watch.until(claim, f"{stack} to be {verdict}", within_s)

    def refusal(self, stack: str, payload: str | bytes) -> ManifestFault:
        self.publish(stack, payload.encode() if isinstance(payload, str) else payload)
        return self.status(stack, Verdict.REFUSED).faults[0]

    def reason(self, stack: str, says: str, within_s: float = SOON_S) -> str:
        """Wait until a reason of the stack's services or their tasks says that."""

        def claim() -> str | None:
            status = self.watch.stacks.get(stack)
            if status is None:
                return None
            reasons = [r for s in status.services for r in (*s.reasons, *(task.reason for task in s.tasks))]
            return next((reason for reason in reasons if says in reason), None)

        return self.watch.until(claim, f"a reason of {stack} with {says!r}", within_s)

    def clock_runs(self) -> bool:
        status = self.watch.stacks.get("good")
        return bool(status and status.services[0].running == 1)


@pytest.fixture(scope="module")
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node, one controller, and a good stack that must go on running through everything below."""
    with Site(silent) as site:
        bramble = Bramble(site, site.start_broker(), site.start_registry(REGISTRY_PORT))
        bramble.hosts = {host.name: host for host in site.start_hosts("pi-1")}
        bramble.build_images()
        bramble.start_controller()
        bramble.start_agent("pi-1")
        with Session(link_settings(bramble.broker), FLEET, (f"bramble/v1/{FLEET}/#",)) as session:
            desk = Desk(bramble, Watch(session), tmp_path_factory.mktemp("desk"))
            desk.publish("good", GOOD.encode())
            desk.watch.until(desk.clock_runs, "the good stack to run", 40.0)
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
