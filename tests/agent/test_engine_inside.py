"""What only a real Docker Engine can show of a container's fields: how they look from inside, and what the engine makes of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.engine import Engine
from agent.adapters.surroundings import Surroundings
from agent.decide.effects import Create, Pull, Run, Start, Stop
from agent.decide.inputs import Done, EngineSeen, GiveUp, Outcome, Retry
from protocol.container import (
    Attachment,
    Container,
    File,
    Limits,
    Logging,
    Mount,
    Naming,
    Network,
    Port,
    Subnet,
    Ulimit,
    Volume,
)
from protocol.desired import TaskSpec
from protocol.function import FunctionSpec
from tests.fakes.engines import FLEET, NODE, RealWorld

pytestmark = pytest.mark.lab

NAME = "bramble-f-s.a.1-r1"
SECRET = "do-not-tell-anybody"


def task(container: Container, name: str = "s.a.1") -> TaskSpec:
    return TaskSpec(name, "s", "a", "r1", container)


def made(world: RealWorld, container: Container) -> Outcome:
    assert world.engine.perform(Pull("k", container.image)) == Done()
    return world.engine.perform(Create("k", task(container)))


def run(world: RealWorld, container: Container) -> Outcome:
    outcome = made(world, container)
    assert isinstance(outcome, Done), outcome
    return world.engine.perform(Start("k", NAME, task(container)))


def look(engine: Engine) -> EngineSeen:
    seen = engine.look()
    assert isinstance(seen, EngineSeen)
    return seen


class CountedApi(DockerApi):
    """A wire that counts what is asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[str] = []

    def call(self, method: str, path: str, **options: Any) -> Answer:
        self.asked.append(path)
        return super().call(method, path, **options)


def test_limits_are_felt_inside(real: RealWorld) -> None:
    """Ulimits, kernel parameters, shared memory, the capabilities and the closed file system are what was asked for."""
    container = Container(
        real.image("well"),
        network_mode="none",
        read_only=True,
        cap_drop=("ALL",),
        group_add=("1234",),
        sysctls={"net.ipv4.ip_local_port_range": "5000 6000"},
        limits=Limits(shm_bytes=2**21, oom_score_adj=77, ulimits=(Ulimit("nofile", 100, 200),), pids=50, cpu_shares=99),
        mounts=(Mount("tmpfs", "/t", size_bytes=2**20, mode=0o700),),
    )
    assert run(real, container) == Done()
    # Of the first process: what `exec` starts may have its soft limit raised to the hard one by the Go runtime of runc.
    assert real.inside(NAME, "grep 'open files' /proc/1/limits").split()[3:5] == ["100", "200"]
    assert real.inside(NAME, "cat /proc/sys/net/ipv4/ip_local_port_range").split() == ["5000", "6000"]
    assert real.inside(NAME, "df -k /dev/shm | tail -1").split()[1] == "2048"
    assert real.inside(NAME, "df -k /t | tail -1; stat -c %a /t").split()[1::5] == ["1024", "700"]
    assert real.inside(NAME, "grep CapEff /proc/1/status").split()[1] == "0" * 16
    assert real.inside(NAME, "cat /proc/1/oom_score_adj").strip() == "77"
    assert "1234" in real.inside(NAME, "grep Groups /proc/1/status").split()
    assert real.inside(NAME, "touch /x || echo closed").strip() == "closed"


def test_names_are_known_inside(real: RealWorld) -> None:
    """Host name, domain, hosts, name servers and addresses are what was asked for."""
    network = Network("s_default", subnets=(Subnet("10.99.0.0/24", "10.99.0.1", "10.99.0.128/25"),))
    naming = Naming(("10.9.9.9",), ("lan",), ("ndots:3",), ("printer:10.1.2.3",), "home.lan", "02:42:ac:11:65:43")
    attachment = Attachment(network, ("web",), ipv4="10.99.0.77")
    container = Container(real.image("well"), hostname="door", naming=naming, networks=(attachment,))
    assert run(real, container) == Done()
    hosts = real.inside(NAME, "cat /etc/hosts").split("\n")
    assert "10.1.2.3\tprinter" in hosts
    assert "10.99.0.77\tdoor.home.lan door" in hosts
    assert real.inside(NAME, "cat /etc/resolv.conf").split("\n")[:3] == [
        "search lan",
        "nameserver 127.0.0.11",
        "options ndots:3",
    ]
    assert real.inside(NAME, "cat /sys/class/net/eth0/address").strip() == "02:42:ac:11:65:43"


def test_a_container_runs_under_another_runtime(real: RealWorld) -> None:
    """`runtime: crun` is carried out by Debian's crun, which is among the runtimes that a look shows."""
    assert {"crun", "runc"} <= set(look(real.engine).runtimes)
    container = Container(real.image("well"), network_mode="none", runtime="crun", memory_bytes=2**25)
    assert run(real, container) == Done()
    (found,) = json.loads(real.host.docker("inspect", NAME))
    kept = real.host.run("ls", f"/run/docker/runtime-runc/moby/{found['Id']}").split()
    assert "status" in kept  # runc would have written a state.json
    assert real.inside(
        NAME, "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2> /dev/null || true"
    ).split() == [str(2**25)]


def test_a_runtime_that_is_not_there_is_given_up(real: RealWorld) -> None:
    """The reason names it."""
    outcome = made(real, Container(real.image("well"), network_mode="none", runtime="gvisor"))
    assert outcome == GiveUp("the node's engine has no runtime gvisor")


def test_a_volume_has_its_drivers_options(real: RealWorld) -> None:
    """The local driver mounts what the options say, and the volume carries our labels beside its own."""
    volume = Volume("local", {"type": "tmpfs", "device": "tmpfs", "o": "size=3m"}, {"mine": "1"})
    container = Container(
        real.image("well"), network_mode="none", mounts=(Mount("volume", "/data", "s_data", volume=volume),)
    )
    assert run(real, container) == Done()
    assert real.inside(NAME, "df -k /data | tail -1").split()[:2] == ["tmpfs", "3072"]
    (found,) = json.loads(real.host.docker("volume", "inspect", "s_data"))
    assert found["Labels"] == {"mine": "1", "io.bramble.fleet": FLEET, "io.bramble.node": NODE}


def test_a_volume_that_cannot_be_mounted_is_told_without_its_options(real: RealWorld) -> None:
    """A file server that is away is tried again, and a password in the options is not told."""
    volume = Volume("local", {"type": "cifs", "device": "//127.0.0.1/x", "o": f"username=a,password={SECRET}"})
    mounts = (Mount("volume", "/data", "s_data", volume=volume),)
    outcome = run(real, Container(real.image("well"), network_mode="none", mounts=mounts))
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("the volume //127.0.0.1/x cannot be mounted: ")
    assert SECRET not in outcome.reason


def test_a_bind_mount_makes_its_directory_only_where_it_may(real: RealWorld) -> None:
    """Without `create_host_path` a missing path is the reason."""
    path = real.host.directory / "made-by-a-bind"
    mount = Mount("bind", "/b", str(path), create_host_path=False)
    container = Container(real.image("well"), network_mode="none", mounts=(mount,))
    assert made(real, container) == GiveUp(f"{path} does not exist on the node")
    assert not path.exists()
    assert (
        run(real, Container(real.image("well"), network_mode="none", mounts=(Mount("bind", "/b", str(path)),)))
        == Done()
    )
    assert path.is_dir()


@pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])
def test_files_have_their_owner_and_mode_and_hide_nothing(real: RealWorld, read_only: bool) -> None:
    """What the image has in a file's directory stays there; missing directories are made; a link on the way is followed."""
    files = (File("/etc/key", "1", 0o400, 7, 8), File("/opt/deep/down/x", "2", 0o755))
    container = Container(real.image("well"), network_mode="none", files=files, read_only=read_only)
    assert run(real, container) == Done()
    assert real.inside(NAME, "stat -c '%a %u %g' /etc/key /opt/deep/down/x").split("\n")[:2] == ["400 7 8", "755 0 0"]
    assert real.inside(NAME, "cat /etc/passwd /etc/hostname").startswith("root:")


@pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])
def test_files_survive_a_power_cut(real: RealWorld, read_only: bool) -> None:
    """A container that has run once keeps its files; nothing puts them again."""
    files = (File("/run/secrets/key", SECRET),)
    container = Container(real.image("well"), network_mode="none", files=files, read_only=read_only)
    assert run(real, container) == Done()
    real.host.power_cut()
    real.host.start()
    assert real.engine.perform(Start("k", NAME)) == Done()
    assert real.reads(NAME, "/run/secrets/key") == SECRET


def test_a_secret_is_shown_nowhere(real: RealWorld) -> None:
    """Neither an inspection of its container or volumes nor a look contains it."""
    files = (File("/run/secrets/key", SECRET, secret=True),)
    assert run(real, Container(real.image("well"), network_mode="none", files=files, read_only=True)) == Done()
    volumes = real.host.docker("volume", "ls", "--quiet").split()
    told = real.host.docker("inspect", NAME) + real.host.docker("volume", "inspect", *volumes) + repr(look(real.engine))
    assert SECRET not in told
    assert real.engine.perform(Stop("k", NAME, 1)) == Done()


def test_a_function_has_its_files_and_networks(real: RealWorld) -> None:
    """A run gets what a service gets, before it starts."""
    container = Container(
        real.image("well"),
        command=("sh", "-c", "cat /run/secrets/key; ls /sys/class/net"),
        files=(File("/run/secrets/key", "hello\n"),),
        networks=(Attachment(Network("s_default"), ("fn",)), Attachment(Network("bramble"))),
    )
    ended = real.engine.run(Run("i1", "i1", 1, FunctionSpec("fn", "s", "r1", container), (), ""))
    assert (ended.exit_code, ended.reason) == (0, "")
    assert ended.output.split() == ["hello", "eth0", "eth1", "lo"]


def test_what_an_engine_would_drop_is_told(real: RealWorld) -> None:
    """Docker 20.10 knows no annotations; what it discards with a warning is the step's detail."""
    outcome = made(real, Container(real.image("well"), annotations={"a": "b"}))
    assert isinstance(outcome, GiveUp)
    assert outcome.reason.startswith("annotations need Docker Engine 24, this node has 20.10.")
    outcome = made(real, Container(real.image("well"), network_mode="host", ports=(Port(80, 80),)))
    assert outcome == Done(warning="Published ports are discarded when using host network mode")


def test_a_platform_that_the_image_is_not_made_for_is_given_up(real: RealWorld) -> None:
    """The platform goes with the create, and Docker compares."""
    outcome = made(real, Container(real.image("well"), platform="linux/s390x"))
    assert isinstance(outcome, GiveUp)
    assert "linux/s390x was asked for" in outcome.reason


def test_a_log_keeps_its_bounds(real: RealWorld) -> None:
    """Another driver with options of its own is still bounded."""
    assert isinstance(made(real, Container(real.image("well"), logging=Logging("json-file", {"tag": "x"}))), Done)
    (found,) = json.loads(real.host.docker("inspect", NAME))
    assert found["HostConfig"]["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3", "tag": "x"},
    }


def test_one_network_is_made_however_many_ask(real: RealWorld) -> None:
    """Steps run side by side; Docker would make a network for each, of which none could be used."""
    attachment = Attachment(Network("s_default"))
    container = Container(real.image("well"), networks=(attachment,))
    engine = real.again()
    assert engine.perform(Pull("k", container.image)) == Done()
    steps = [Create("k", task(container, f"s.a.{number}")) for number in range(8)]
    with ThreadPoolExecutor(len(steps)) as pool:
        assert list(pool.map(engine.perform, steps)) == [Done(warning="")] * len(steps)
    assert len(real.host.docker("network", "ls", "--quiet", "--filter", "name=s_default").split()) == 1
    engine.close()


def test_an_engine_without_addresses_says_so(real: RealWorld) -> None:
    """Docker gives some thirty networks addresses of its own choice, and none at all of IPv6."""
    outcome = made(real, Container(real.image("well"), networks=(Attachment(Network("s_default", ipv6=True)),)))
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("the engine has no addresses left for the network s_default: remove networks")


@pytest.mark.slow  # Docker looks for a driver for 15 s; for both at once here
def test_drivers_that_are_not_there_are_named(real: RealWorld) -> None:
    """Of a network as of a volume."""
    network, volume = Network("s_default", driver="nonsense"), Mount("volume", "/v", "v", volume=Volume("nonsense"))
    other = real.again()
    with closing(other), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(made, real, Container(real.image("well"), networks=(Attachment(network),)))
        outcome = other.perform(Create("k", task(Container(real.image("well"), mounts=(volume,)), "s.b.1")))
        assert outcome == GiveUp("the volume v needs the driver nonsense, which this engine does not have")
        outcome = asked.result()
        assert outcome == GiveUp("the network s_default needs the driver nonsense, which this engine does not have")


def test_a_look_shows_images_and_the_disk(real: RealWorld) -> None:
    """Each image with its size and names, and the file system that carries them."""
    real.engine.perform(Pull("k", real.image("well")))
    seen = look(real.engine)
    (image,) = seen.stored
    assert image.size_bytes > 500_000
    assert real.image("well") in image.references
    assert {image.id, *image.references} == seen.images
    assert seen.disk is not None
    assert 0 < seen.disk.available_bytes < seen.disk.total_bytes


def test_a_look_stays_cheap(real: RealWorld) -> None:
    """Two lists, and while no events are followed an inspection of each container: no more for all that is shown besides."""
    engine = Engine(real.host.engine.url, NODE, FLEET)
    api = engine._api = CountedApi(real.host.engine.url)
    engine._around = Surroundings(api, engine._place)
    container = Container(
        real.image("well"), networks=(Attachment(Network("s_default")), Attachment(Network("bramble")))
    )
    engine.perform(Pull("k", container.image))
    engine.perform(Create("k", task(container)))
    look(engine)
    api.asked.clear()
    look(engine)
    assert [path.rpartition("/")[2] for path in api.asked] == ["json", "json", "json"]
    api.asked.clear()
    engine.perform(Create("k", task(container, "s.b.1")))
    assert api.asked == ["/containers/create"]
    engine.close()
