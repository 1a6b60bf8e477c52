"""A warm function on a real node: from zero and back, over a crash of its agent, and to its next revision."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.bramble import REGISTRY_PORT
from lab.images import Image, build
from lab.processes import wait_until
from protocol.operator import Verdict
from tests.lab.desk import SOON_S, Desk, desk_of

pytestmark = [pytest.mark.lab, pytest.mark.fleet]

LABEL = "label=io.bramble.instance"
SERVE = "#!/bin/sh\nhttpd -f -p 8080 -h /www & trap 'kill $!; exit 0' TERM\nwait\n"
ANSWER = (
    '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\necho "version $VERSION to $(cat), $HTTP_X_CALL_ID"\n'
)


@pytest.fixture
def desk(able_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One node, and two versions of a function that is an ordinary web server."""
    with desk_of(tmp_path_factory.mktemp("desk"), "pi-1") as desk:
        desk.watch.until(lambda: desk.watch.nodes.get("pi-1"), "the node", SOON_S)
        for tag in ("1", "2"):
            files = {"/bin/serve": SERVE, "/www/cgi-bin/index.cgi": ANSWER}
            image = Image("teller", tag, ("/bin/serve",), files, {"VERSION": tag})
            build(desk.bramble.hosts["pi-1"], desk.bramble.registry, image)
        yield desk


def publish(desk: Desk, tag: str, **scale: object) -> None:
    image = f"registry.local:{REGISTRY_PORT}/teller:{tag}"
    desk.publish("shop", json.dumps({"functions": {"tell": {"image": image, "mode": "warm", "scale": scale}}}).encode())


def says(desk: Desk) -> str:
    """What the function answers to `hi`."""
    return desk.bramble.command("invoke", "tell", "--data", "hi").strip()


def instances(desk: Desk) -> list[str]:
    """The ids of its containers that run."""
    return desk.bramble.hosts["pi-1"].docker("ps", "--quiet", "--filter", LABEL).split()


def test_a_warm_function_lives_as_long_as_it_is_wanted(desk: Desk) -> None:
    """Nothing before the first call and nothing after the last; one that is kept outlives its agent, and changes with its stack."""
    publish(desk, "1", zero_after="2s")
    desk.status("shop", Verdict.ACCEPTED)
    assert instances(desk) == []
    assert "version 1 to hi" in says(desk)
    wait_until(lambda: not instances(desk), "the idle instance to end", SOON_S)

    publish(desk, "1", min_per_node=1)
    wait_until(lambda: len(instances(desk)) == 1, "the instance that is kept", SOON_S)
    (kept,) = instances(desk)
    desk.bramble.agents["pi-1"].kill()
    desk.bramble.start_agent("pi-1")
    assert "version 1 to hi" in says(desk)
    assert instances(desk) == [kept]

    desk.bramble.hosts["pi-1"].docker("kill", kept)
    wait_until(lambda: instances(desk) not in ([], [kept]), "another instance", SOON_S)
    publish(desk, "2", min_per_node=1)
    wait_until(lambda: "version 2 to hi" in says(desk), "the new revision", SOON_S)
    wait_until(lambda: len(instances(desk)) == 1, "the old instance to end", SOON_S)
