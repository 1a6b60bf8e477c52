"""What is asked of Docker: names, labels and the rules that no spec can change."""

from __future__ import annotations

from agent.adapters.creation import Place, run_body, task_body
from agent.decide.effects import Run
from protocol.container import Container, Mount
from protocol.desired import FunctionSpec, TaskSpec

PLACE = Place("home", "pi-1")


def task(container: Container) -> TaskSpec:
    return TaskSpec("porch.web.1", "porch", "web", "abc123", container)


def test_a_name_says_whose_container_it_is() -> None:
    """Names are derived, so that a second create meets the first."""
    assert PLACE.task_name(task(Container("a:1"))) == "bramble-home-porch.web.1-abc123"
    assert PLACE.run_name("0f0f", 2) == "bramble-home-run-0f0f-2"


def test_a_spec_cannot_write_our_labels() -> None:
    """Labels of ours come from us alone, also those that a task's container does not carry."""
    container = Container("a:1", labels={"mine": "1", "io.bramble.node": "pi-2", "io.bramble.invocation": "x"})
    labels = task_body(PLACE, task(container))["Labels"]
    assert labels == {
        "mine": "1",
        "io.bramble.fleet": "home",
        "io.bramble.node": "pi-1",
        "io.bramble.task": "porch.web.1",
        "io.bramble.stack": "porch",
        "io.bramble.service": "web",
        "io.bramble.revision": "abc123",
        "io.bramble.spec-hash": container.spec_hash,
    }


def test_ours_is_what_carries_fleet_and_node() -> None:
    """Another fleet or another node on the same engine is somebody else."""
    ours = task_body(PLACE, task(Container("a:1")))["Labels"]
    assert PLACE.owns(ours)
    assert not Place("home", "pi-2").owns(ours)
    assert not Place("work", "pi-1").owns(ours)
    assert not PLACE.owns(None)


def test_nothing_is_restarted_or_logged_without_bound() -> None:
    """The agent is the supervisor, and a log cannot fill the card."""
    host = task_body(PLACE, task(Container("a:1")))["HostConfig"]
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["LogConfig"] == {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}}


def test_what_a_spec_leaves_out_is_the_images() -> None:
    """No command is not an empty command; an empty entrypoint takes the image's away."""
    plain = task_body(PLACE, task(Container("a:1")))
    assert not {"Cmd", "Entrypoint", "Healthcheck", "StopSignal"} & plain.keys()
    bare = task_body(PLACE, task(Container("a:1", command=(), entrypoint=())))
    assert (bare["Cmd"], bare["Entrypoint"]) == ([], [""])


def test_a_bind_mount_may_make_its_directory() -> None:
    """Binds have the short form, as Compose users expect; a path with a colon has the only form that can say it."""
    mounts = (
        Mount("bind", "/b", "/srv/b", read_only=True),
        Mount("bind", "/c", "/srv/a:b"),
        Mount("volume", "/v", "data"),
    )
    host = task_body(PLACE, task(Container("a:1", mounts=mounts)))["HostConfig"]
    assert host["Binds"] == ["/srv/b:/b:ro"]
    assert [mount["Source"] for mount in host["Mounts"]] == ["/srv/a:b", "data"]


def test_a_device_is_written_as_in_compose() -> None:
    """Path inside and rights may be left out."""
    container = Container("a:1", devices=("/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:r"))
    devices = task_body(PLACE, task(container))["HostConfig"]["Devices"]
    assert [(d["PathInContainer"], d["CgroupPermissions"]) for d in devices] == [
        ("/dev/a", "rwm"),
        ("/dev/b", "rwm"),
        ("/dev/b", "r"),
    ]


def test_a_run_carries_its_event() -> None:
    """Attributes are upper-case variables that win over the function's own, and standard input closes after the body."""
    container = Container("a:1", environment={"A": "1", "CE_ID": "no"})
    step = Run("k", "0f0f", 2, FunctionSpec("greet", "porch", "r1", container), (("id", "e-1"), ("my-x", "2")), "body")
    body = run_body(PLACE, step)
    assert body["Env"] == ["A=1", "CE_ID=e-1", "CE_MY_X=2"]
    assert body["OpenStdin"]
    assert body["StdinOnce"]
    assert body["Labels"]["io.bramble.invocation"] == "0f0f"
    assert body["Labels"]["io.bramble.attempt"] == "2"
    assert "io.bramble.task" not in body["Labels"]
