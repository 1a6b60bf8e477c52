"""What is asked of Docker: names, labels and the rules that no spec can change."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.creation import Place, run_body, task_body
from agent.adapters.host_config import lacks
from agent.decide.effects import Run
from protocol.container import (
    Attachment,
    Container,
    HealthCheck,
    Isolation,
    Limits,
    Logging,
    Mount,
    Naming,
    Network,
    Port,
    Ulimit,
    Volume,
)
from protocol.desired import TaskSpec
from protocol.function import FunctionSpec

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


def host_of(container: Container) -> dict[str, Any]:
    made: dict[str, Any] = task_body(PLACE, task(container))["HostConfig"]
    return made


@pytest.mark.parametrize(
    ("container", "word", "value"),
    [
        (Container("a", device_cgroup_rules=("c 1:3 mr",)), "DeviceCgroupRules", ("c 1:3 mr",)),
        (Container("a", sysctls={"net.core.somaxconn": "9"}), "Sysctls", {"net.core.somaxconn": "9"}),
        (Container("a", storage_opt={"size": "1G"}), "StorageOpt", {"size": "1G"}),
        (Container("a", group_add=("dialout",)), "GroupAdd", ("dialout",)),
        (Container("a", runtime="crun"), "Runtime", "crun"),
        (Container("a", limits=Limits(memory_reservation_bytes=1)), "MemoryReservation", 1),
        (Container("a", limits=Limits(swap_bytes=-1)), "MemorySwap", -1),
        (Container("a", limits=Limits(swappiness=0)), "MemorySwappiness", 0),
        (Container("a", limits=Limits(shm_bytes=2)), "ShmSize", 2),
        (Container("a", limits=Limits(pids=3)), "PidsLimit", 3),
        (Container("a", limits=Limits(cpuset="0-1")), "CpusetCpus", "0-1"),
        (Container("a", limits=Limits(cpu_shares=4)), "CpuShares", 4),
        (Container("a", limits=Limits(cpu_quota_us=5)), "CpuQuota", 5),
        (Container("a", limits=Limits(cpu_period_us=6)), "CpuPeriod", 6),
        (Container("a", limits=Limits(oom_score_adj=7)), "OomScoreAdj", 7),
        (Container("a", limits=Limits(oom_kill_disable=True)), "OomKillDisable", True),
        (
            Container("a", limits=Limits(ulimits=(Ulimit("nofile", 1, -1),))),
            "Ulimits",
            [{"Name": "nofile", "Soft": 1, "Hard": -1}],
        ),
        (Container("a", naming=Naming(dns=("1.1.1.1",))), "Dns", ("1.1.1.1",)),
        (Container("a", naming=Naming(dns_search=("lan",))), "DnsSearch", ("lan",)),
        (Container("a", naming=Naming(dns_opt=("ndots:1",))), "DnsOptions", ("ndots:1",)),
        (Container("a", naming=Naming(extra_hosts=("a:1.2.3.4",))), "ExtraHosts", ("a:1.2.3.4",)),
        (Container("a", isolation=Isolation(ipc="host")), "IpcMode", "host"),
        (Container("a", isolation=Isolation(pid="host")), "PidMode", "host"),
        (Container("a", isolation=Isolation(uts="host")), "UTSMode", "host"),
        (Container("a", isolation=Isolation(userns="host")), "UsernsMode", "host"),
        (Container("a", isolation=Isolation(cgroup="host")), "CgroupnsMode", "host"),
        (Container("a", isolation=Isolation(cgroup_parent="/x")), "CgroupParent", "/x"),
        (Container("a", annotations={"a": "b"}), "Annotations", {"a": "b"}),
        (Container("a", network_mode="host"), "NetworkMode", "host"),
        (
            Container("a", ports=(Port(5, 6, "sctp", "::1"),)),
            "PortBindings",
            {"5/sctp": [{"HostIp": "::1", "HostPort": "6"}]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_reaches_the_host_config(container: Container, word: str, value: object) -> None:
    """Every field that Docker keeps in its host configuration stands there, in Docker's word, and is not there unasked."""
    assert host_of(container)[word] == value
    assert host_of(Container("a")).get(word) != value


@pytest.mark.parametrize(
    ("container", "word", "value"),
    [
        (Container("a", tty=True), "Tty", True),
        (Container("a", stdin_open=True), "OpenStdin", True),
        (Container("a", naming=Naming(domainname="lan")), "Domainname", "lan"),
        (Container("a", naming=Naming(mac_address="02:42:ac:11:65:43")), "MacAddress", "02:42:ac:11:65:43"),
        (Container("a", stop_signal="SIGINT"), "StopSignal", "SIGINT"),
        (
            Container("a", expose=("80", "90-91/udp"), ports=(Port(70),)),
            "ExposedPorts",
            {"70/tcp": {}, "80/tcp": {}, "90/udp": {}, "91/udp": {}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_reaches_the_container(container: Container, word: str, value: object) -> None:
    """Every field that Docker keeps with the container itself stands there."""
    assert task_body(PLACE, task(container))[word] == value
    assert task_body(PLACE, task(Container("a"))).get(word) != value


@pytest.mark.parametrize(
    ("logging", "config"),
    [
        (Logging(), {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}}),
        (Logging("", {"max-file": "9"}), {"Type": "local", "Config": {"max-size": "10m", "max-file": "9"}}),
        (
            Logging("json-file", {"tag": "x"}),
            {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3", "tag": "x"}},
        ),
        (
            Logging("json-file", {"max-size": "1m"}),
            {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
        ),
        (Logging("journald", {"tag": "x"}), {"Type": "journald", "Config": {"tag": "x"}}),
        (Logging("none"), {"Type": "none", "Config": {}}),
    ],
)
def test_a_log_on_the_nodes_disk_is_bounded(logging: Logging, config: dict[str, Any]) -> None:
    """Whoever names a driver or an option keeps the bounds that he does not name; elsewhere they mean nothing."""
    assert host_of(Container("a", logging=logging))["LogConfig"] == config


def test_a_mount_says_all_that_was_said() -> None:
    """A bind that must be there, a volume with its driver, and a tmpfs with size and mode have Docker's long form."""
    mounts = (
        Mount("bind", "/b", "/srv/b", create_host_path=False, propagation="rslave"),
        Mount("volume", "/v", "s_v", volume=Volume("nfs", {"o": "ro"}, {"l": "1"}), nocopy=True),
        Mount("tmpfs", "/t", size_bytes=9, mode=0o700),
    )
    bind, volume, tmpfs = host_of(Container("a", mounts=mounts))["Mounts"]
    assert bind["BindOptions"] == {"Propagation": "rslave", "CreateMountpoint": False}
    assert volume["VolumeOptions"] == {
        "NoCopy": True,
        "Labels": {"l": "1"},
        "DriverConfig": {"Name": "nfs", "Options": {"o": "ro"}},
    }
    assert tmpfs["TmpfsOptions"] == {"SizeBytes": 9, "Mode": 0o700}
    assert "Source" not in tmpfs


def test_a_plain_bind_keeps_its_propagation() -> None:
    """The short form has options, too."""
    mounts = (Mount("bind", "/b", "/srv/b", read_only=True, propagation="rshared"),)
    assert host_of(Container("a", mounts=mounts))["Binds"] == ["/srv/b:/b:ro,rshared"]


def test_a_container_is_made_on_its_first_network() -> None:
    """Docker takes one network with a create; names and addresses there go with it."""
    first = Attachment(Network("s_default"), ("web", "web.s"), "10.9.0.7", "fd00::7")
    container = Container("a", networks=(first, Attachment(Network("bramble"), ("web.s",))))
    body = task_body(PLACE, task(container))
    assert body["HostConfig"]["NetworkMode"] == "s_default"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {
        "s_default": {
            "Aliases": ["web", "web.s"],
            "IPAMConfig": {"IPv4Address": "10.9.0.7", "IPv6Address": "fd00::7"},
        }
    }


def test_a_health_check_may_be_taken_away() -> None:
    """`NONE` is how an image's own check is switched off."""
    body = task_body(PLACE, task(Container("a", healthcheck=HealthCheck(("NONE",)))))
    assert body["Healthcheck"]["Test"] == ["NONE"]


def test_what_an_engine_would_ignore_is_told() -> None:
    """An old engine drops annotations without a word; we do not."""
    container = Container("a", annotations={"a": "b"})
    assert lacks(container, "20.10.24+dfsg1") == "annotations need Docker Engine 24, this node has 20.10.24+dfsg1"
    assert lacks(container, "24.0.7") == lacks(Container("a"), "20.10.24") == ""
