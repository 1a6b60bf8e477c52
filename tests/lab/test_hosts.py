"""The lab's own promises: hosts are machines of their own, links and power come and go, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import commands, sweep, traces
from lab.commands import CommandError
from lab.host import Host
from lab.images import Image, build
from lab.names import RunName, parse
from lab.processes import wait_until
from lab.registry import Registry
from lab.site import Site

pytestmark = pytest.mark.lab

WEB = Image("web", "1", ("/bin/httpd", "-f", "-p", "80", "-h", "/srv"), {"srv/hello": "hello\n"})
IN_ANOTHER_PROCESS = """
from lab.site import Site
with Site() as site:
    site.start_broker()
    site.start_hosts("pi-1")
    print(site.name, flush=True)
    import time
    time.sleep(60)
"""
BESIDE = """
from lab import sweep
from lab.site import Site
with Site() as site:
    site.start_broker()
    site.start_registry(5000)
    (host,) = site.start_hosts("pi-1")
    host.power_cut()
    host.start()
    host.engine.kill()
    host.engine.start()
    print(site.name, flush=True)
    input()
    sweep.sweep()
"""
BETWEEN_LOOKS_S = 0.3
"""What is gone by then (an `ip`, a health check) would have gone by itself."""

ENDED_S = 30.0


@pytest.fixture(scope="module")
def hosts(site: Site) -> tuple[Host, ...]:
    """Two hosts, on, with an engine each."""
    return site.start_hosts("pi-1", "pi-2")


@pytest.fixture(scope="module")
def registry(site: Site) -> Registry:
    """The site's registry."""
    return site.start_registry()


@pytest.fixture(scope="module")
def web(hosts: tuple[Host, ...], registry: Registry) -> str:
    """A container on the second host, from an image that was built on the first; returns the container's id."""
    reference = build(hosts[0], registry, WEB)
    return hosts[1].docker("run", "-d", "--name", "web", "--restart", "always", "-p", "8080:80", reference).strip()


def fetched(client: Host, server: Host) -> str:
    """Return what one host is told by the web container of another; empty when it does not answer."""
    try:
        return client.run("timeout", "1", "busybox", "wget", "-q", "-O-", f"http://{server.address}:8080/hello")
    except CommandError:
        return ""


def in_another_process(script: str = IN_ANOTHER_PROCESS) -> tuple[subprocess.Popen[str], RunName]:
    """Start a site in a process of its own and return both once its host is on."""
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    owner = subprocess.Popen(command, env=commands.environment(), stdin=pipe, stdout=pipe, text=True)
    assert owner.stdout
    run = parse(owner.stdout.readline().strip())
    assert run
    return owner, run


def lasting(run: RunName) -> set[int]:
    """The processes of a run that are there at one look and at the next."""
    seen = traces.processes(run)
    time.sleep(BETWEEN_LOOKS_S)
    return seen & traces.processes(run)


def test_each_host_is_a_machine_of_its_own(hosts: tuple[Host, ...]) -> None:
    """Two hosts have a name, an address, a machine id, a boot id and an engine each."""
    ids = "cat /etc/machine-id /proc/sys/kernel/random/boot_id && ls -i /run/docker.pid && hostname"
    assert len({host.run("sh", "-c", ids) for host in hosts}) == 2
    assert [host.run("hostname").strip() for host in hosts] == ["pi-1", "pi-2"]
    assert [host.docker("info", "--format", "{{.Name}}").strip() for host in hosts] == ["pi-1", "pi-2"]
    assert len({host.address for host in hosts}) == 2


def test_an_image_built_on_one_host_runs_on_another(hosts: tuple[Host, ...], registry: Registry, web: str) -> None:
    """What one host pushed to the registry, the other pulls by its digest and serves over the network."""
    pulled = hosts[1].docker("image", "inspect", f"{registry.name}/web:1", "--format", "{{json .RepoDigests}}")
    assert registry.digest("web", "1") in pulled
    wait_until(lambda: fetched(*hosts) == "hello\n", "the container to answer")
    assert hosts[0].containers() == ()


def test_the_same_words_give_the_same_image(hosts: tuple[Host, ...], registry: Registry, web: str) -> None:
    """An image has one digest, whoever builds it, and another as soon as a file differs."""
    first = registry.digest("web", "1")
    build(hosts[1], registry, WEB)
    assert registry.digest("web", "1") == first
    build(hosts[1], registry, Image("web", "2", WEB.command, {"srv/hello": "hallo\n"}))
    assert registry.digest("web", "2") != first


def test_a_cut_link_carries_nothing_until_it_is_mended(hosts: tuple[Host, ...], web: str) -> None:
    """A cut host keeps its address and routes but is reached by nobody; mended, it is back as it was."""
    client, server = hosts
    routes = server.run("ip", "route")
    server.cut()
    assert fetched(client, server) == ""
    server.mend()
    wait_until(lambda: fetched(client, server) == "hello\n", "the link to carry again")
    assert server.run("ip", "route").replace(" linkdown", "") == routes.replace(" linkdown", "")


def test_containers_outlive_their_engine(hosts: tuple[Host, ...], web: str) -> None:
    """An engine that is restarted, or killed and started, finds its containers running as it left them."""
    engine = hosts[1].engine
    first_process = ("inspect", web, "--format", "{{.State.Running}} {{.State.Pid}}")
    before = engine.docker(*first_process)
    assert before.startswith("true")
    engine.restart()
    assert engine.docker(*first_process) == before
    engine.kill()
    assert not engine.answers()
    engine.start()
    assert engine.docker(*first_process) == before
    wait_until(lambda: fetched(*hosts) == "hello\n", "the same container to answer")


def test_a_power_cut_is_a_reboot(site: Site, hosts: tuple[Host, ...], web: str) -> None:
    """After a power cut nothing of the host runs; switched on, it has its disk, a new boot id and its containers."""
    server = hosts[1]
    boot_id = server.run("cat", "/proc/sys/kernel/random/boot_id")
    server.power_cut()
    assert traces.processes(site.name, "pi-2") == set()
    assert not server.engine.answers()
    server.start()
    assert server.run("cat", "/proc/sys/kernel/random/boot_id") != boot_id
    wait_until(lambda: fetched(*hosts) == "hello\n", "the container to be back by its restart policy")
    assert [one.id for one in server.containers()] == [web]


def test_a_program_on_a_host_is_ours_to_end(hosts: tuple[Host, ...]) -> None:
    """A spawned program runs in the host, under the pid that we are given, and ends at our word."""
    program = hosts[0].spawn("idle", ["sleep", "60"], extra={"WORD": "hello"})
    wait_until(lambda: Path(f"/proc/{program.pid}/comm").read_text() == "sleep\n", "the program to start")
    assert b"WORD=hello" in Path(f"/proc/{program.pid}/environ").read_bytes()
    assert program.terminate() == -signal.SIGTERM
    assert hosts[0].spawn("idle", ["sleep", "60"]).kill() == -signal.SIGKILL


def test_a_killed_broker_keeps_only_what_it_saved(site: Site) -> None:
    """After SIGKILL the broker comes back at its port with what it had saved, or with nothing if told so."""
    broker = site.start_broker()
    there = ["-h", broker.address, "-p", str(broker.port), "-t", "word"]

    def retained() -> str:
        return commands.run(["sh", "-c", 'mosquitto_sub -C 1 -W 1 "$@" || test $? = 27', "sh", *there])

    commands.run(["mosquitto_pub", *there, "-q", "1", "-r", "-m", "saved"])
    broker.save()
    commands.run(["mosquitto_pub", *there, "-q", "1", "-r", "-m", "unsaved"])
    broker.kill()
    broker.restart()
    assert retained() == "saved\n"
    broker.restart(lose_retained=True)
    assert retained() == ""


def test_a_run_leaves_no_trace_and_disturbs_no_other(hosts: tuple[Host, ...], web: str) -> None:
    """A second run side by side, with everything in it, ends without a trace while the first goes on."""
    before = hosts[1].containers()
    with Site() as other:
        other.start_broker()
        registry = other.start_registry()
        (host,) = other.start_hosts("pi-1")
        host.docker("run", "-d", build(host, registry, WEB))
        assert traces.remaining(other.name) != []
    assert traces.remaining(other.name) == []
    assert hosts[1].containers()[0].id == before[0].id
    assert fetched(*hosts) == "hello\n"


def test_runs_of_two_processes_do_not_meet(site: Site, hosts: tuple[Host, ...], registry: Registry, web: str) -> None:
    """Beside us another process has a host and a registry as ours are called, strikes, sweeps and ends: all of ours goes on."""
    ours, started = lasting(site.name), hosts[1].docker("inspect", "--format", "{{.State.StartedAt}}", web)
    owner, other = in_another_process(BESIDE)
    theirs = lasting(other)
    assert theirs
    assert not theirs & (ours | traces.processes(site.name))
    owner.communicate("\n", timeout=ENDED_S)
    assert owner.returncode == 0
    assert traces.remaining(other) == []
    assert ours <= traces.processes(site.name)
    assert hosts[1].docker("inspect", "--format", "{{.State.StartedAt}}", web) == started
    assert (fetched(*hosts), registry.is_running) == ("hello\n", True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_cleans_up(able_machine: None, ending: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end a run without a trace."""
    owner, run = in_another_process()
    owner.send_signal(ending)
    owner.wait(timeout=20)
    assert traces.remaining(run) == []


def test_a_killed_run_is_swept_and_a_live_one_is_not(site: Site, hosts: tuple[Host, ...]) -> None:
    """What a run killed with SIGKILL left behind is removed by the sweep, which leaves live runs alone."""
    owner, run = in_another_process()
    owner.kill()
    owner.wait()
    assert traces.remaining(run) != []
    told = sweep.sweep()
    assert f"{site.name}: is running, left alone" in told
    assert traces.remaining(run) == []
    assert all(host.engine.answers() for host in hosts)


def test_the_machine_stays_as_it_was(able_machine: None) -> None:
    """A run changes no firewall rule, route, forwarding switch or mount of the machine."""

    def seen() -> list[str]:
        looks = (
            "iptables -S",
            "iptables -t nat -S",
            "ip route",
            "cat /proc/sys/net/ipv4/ip_forward",
            "cat /proc/mounts",
        )
        told = [line for look in looks for line in commands.run(look.split()).splitlines()]
        return [line for line in told if not belongs_to_a_run(line)]

    def belongs_to_a_run(line: str) -> bool:
        words = (
            " /run/netns",
            "bramble-",
            " dev bl",
            "/pytest-of-",
        )  # other runs come and go beside us, and their disks
        return any(word in line for word in words)

    before = seen()
    with Site() as made:
        made.start_hosts("pi-1")
        during = seen()
    assert before == during == seen()
    assert os.environ.get("BRAMBLE_LAB_RUN") is None
