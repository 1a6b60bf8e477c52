"""What only a real Docker Engine can show: hints, crashes of agent and engine in the middle, and what reaches Docker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agent.adapters.engine import Engine
from agent.decide.effects import Create, Pull, Remove, Run, Start, Stop
from agent.decide.inputs import Done, EngineSeen, Phase, RunEnded
from lab.images import Image, archive
from protocol.container import Container, HealthCheck, Mount, Port
from protocol.desired import TaskSpec
from protocol.function import FunctionSpec
from tests.fakes.engines import NODE, RealWorld

pytestmark = pytest.mark.lab

AN_AGENT = """
import sys
from agent.adapters.engine import Engine
from agent.decide.effects import Run
from protocol.container import Container
from protocol.function import FunctionSpec
url, image = sys.argv[1:]
function = FunctionSpec("fn", "s", "r1", Container(image, network_mode="none"))
Engine(url, "pi-1", "f").run(Run("i1", "i1", 1, function, (), "hello"))
"""


def look(world: RealWorld) -> EngineSeen:
    seen = world.engine.look()
    assert isinstance(seen, EngineSeen)
    return seen


def run_of(world: RealWorld, image: str, body: str = "") -> Run:
    return Run(
        "i1", "i1", 1, FunctionSpec("fn", "s", "r1", Container(world.image(image), network_mode="none")), (), body
    )


def started(world: RealWorld, image: str) -> str:
    container = Container(world.image(image), network_mode="none")
    task = TaskSpec("s.a.1", "s", "a", "r1", container)
    assert world.engine.perform(Pull("k", container.image)) == Done()
    assert world.engine.perform(Create("k", task)) == Done(warning="")
    (seen,) = look(world).containers
    assert world.engine.perform(Start("k", seen.id)) == Done()
    return seen.id


def test_a_change_gives_a_hint(real: RealWorld) -> None:
    """Whoever follows events hears of an exit, and again after the engine has been away, and then sees what has changed."""
    hints: list[str] = []
    engine = real.again()
    try:
        engine.events(lambda: hints.append("hint"))
        real.until(lambda: bool(hints))
        container = started(real, "brief")
        real.until(lambda: _phase(engine) is Phase.EXITED and len(hints) >= 4)
        real.set_daemon(up=False)
        real.set_daemon(up=True)
        known = len(hints)
        real.until(lambda: len(hints) > known)
        engine.look()
        real.host.docker("restart", container)
        real.until(lambda: len(hints) > known + 2)
        assert _started(engine) == _started(real.again())
    finally:
        engine.close()


def test_what_we_do_ourselves_gives_no_hint_and_what_happens_then_does(real: RealWorld) -> None:
    """The steps that made, started, stopped and removed a container have glanced at it; that another died by itself is news."""
    hints: list[str] = []
    try:
        real.engine.events(lambda: hints.append("hint"))
        real.until(lambda: bool(hints))
        hints.clear()
        container = started(real, "well")
        assert real.engine.perform(Stop("k", container, 1.0)) == Done()
        assert real.engine.perform(Remove("k", container)) == Done()
        assert not hints
        brief = started(real, "brief")
        real.until(lambda: bool(hints))
        assert [(seen.id, seen.phase) for seen in look(real).containers] == [(brief, Phase.EXITED)]
    finally:
        real.engine.close()


def test_a_restart_behind_our_back_is_seen(real: RealWorld) -> None:
    """A container that somebody restarted between two looks shows another start, with events and without."""
    container = started(real, "well")
    before = look(real).containers[0].started
    real.host.docker("restart", "--time", "1", container)
    assert look(real).containers[0].started != before


def test_an_engine_killed_during_a_run_still_gives_its_result(real: RealWorld) -> None:
    """The function goes on without its engine, and its output is read when the engine is back: nothing runs twice."""
    results: list[RunEnded] = []
    step = run_of(real, "slow")
    thread = threading.Thread(target=lambda: results.append(real.engine.run(step)))
    thread.start()
    real.until(lambda: [run.phase for run in look(real).runs] == [Phase.RUNNING])
    (before,) = look(real).runs
    real.set_daemon(up=False)
    real.set_daemon(up=True)
    thread.join(30)
    assert [(ended.exit_code, ended.output) for ended in results] == [(0, "done\n")]
    assert [run.id for run in look(real).runs] == [before.id]


def test_a_run_that_is_stopped_ends_at_once(real: RealWorld) -> None:
    """What gives way to a newer call is stopped like any container, and whoever waits for it hears of its end."""
    results: list[RunEnded] = []
    step = run_of(real, "endless")
    thread = threading.Thread(target=lambda: results.append(real.engine.run(step)))
    thread.start()
    real.until(lambda: [run.phase for run in look(real).runs] == [Phase.RUNNING])
    (seen,) = look(real).runs
    begun_mono_s = time.monotonic()
    assert isinstance(real.engine.perform(Stop(seen.id, seen.id, 0.0)), Done)
    thread.join(10)
    assert time.monotonic() - begun_mono_s < 5.0
    assert [(ended.exit_code, ended.timed_out, ended.is_unbegun) for ended in results] == [(137, False, False)]


def test_an_agent_killed_during_a_run_loses_nothing(real: RealWorld) -> None:
    """Whenever the agent dies, the next one finds the function with its whole body, and one container."""
    line = "read word; sleep 0.5; echo $word"
    image = f"{real.registry.name}/patient:1"
    real.host.docker("load", "--quiet", given=archive(Image("patient", "1", ("sh", "-c", line)), image))
    agent = subprocess.Popen([sys.executable, "-c", AN_AGENT, real.host.engine.url, image], cwd=Path.cwd())
    real.until(lambda: [run.phase for run in look(real).runs] == [Phase.RUNNING])
    os.kill(agent.pid, signal.SIGKILL)
    agent.wait()
    (before,) = look(real).runs
    ended = real.engine.run(Run("i1", "i1", 1, FunctionSpec("fn", "s", "r1", Container(image)), (), "hello"))
    assert (ended.exit_code, ended.output) == (0, "hello\n")
    assert [run.id for run in look(real).runs] == [before.id]


def test_lack_of_memory_is_told(real: RealWorld) -> None:
    """A function that wants more than its limit is killed, and the reason says why."""
    eats = "tail /dev/zero"
    image = f"{real.registry.name}/hungry:1"
    real.host.docker("load", "--quiet", given=archive(Image("hungry", "1", ("sh", "-c", eats)), image))
    container = Container(image, network_mode="none", memory_bytes=16 * 1024 * 1024)
    ended = real.engine.run(Run("i1", "i1", 1, FunctionSpec("fn", "s", "r1", container), (), ""))
    assert (ended.exit_code, ended.reason) == (137, "killed for lack of memory")


def test_everything_wanted_reaches_docker(real: RealWorld) -> None:
    """What a container should be is what Docker made, with bounded logs and no restart policy."""
    container = Container(
        real.image("well"),
        command=("sleep", "9"),
        entrypoint=(),
        environment={"A": "b=c"},
        labels={"mine": "yes", "io.bramble.node": "stolen"},
        ports=(Port(80, 8098, "udp", "127.0.0.1"), Port(81)),
        mounts=(Mount("volume", "/v", "data"), Mount("tmpfs", "/t"), Mount("bind", "/b", "/tmp", read_only=True)),
        devices=("/dev/null:/dev/nothing:r",),
        cap_add=("NET_ADMIN",),
        cap_drop=("CHOWN",),
        security_opt=("no-new-privileges",),
        read_only=True,
        init=True,
        user="1000",
        working_dir="/tmp",
        hostname="here",
        memory_bytes=32 * 1024 * 1024,
        cpus=0.5,
        healthcheck=HealthCheck(("CMD", "true"), 9.0, 8.0, 7.0, 6),
        stop_signal="SIGINT",
        stop_grace_s=1.5,
    )
    assert real.engine.perform(Pull("k", container.image)) == Done()
    assert isinstance(real.engine.perform(Create("k", TaskSpec("s.a.1", "s", "a", "r1", container))), Done)
    (made,) = json.loads(real.host.docker("inspect", "bramble-f-s.a.1-r1"))
    config, host = made["Config"], made["HostConfig"]
    assert (config["Cmd"], config["Entrypoint"], config["User"], config["WorkingDir"]) == (
        ["sleep", "9"],
        None,
        "1000",
        "/tmp",
    )
    assert "A=b=c" in config["Env"]
    assert (config["Labels"]["mine"], config["Labels"]["io.bramble.node"]) == ("yes", NODE)
    assert (config["Hostname"], config["StopSignal"], config["StopTimeout"]) == ("here", "SIGINT", 2)
    assert config["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 9_000_000_000,
        "Timeout": 8_000_000_000,
        "StartPeriod": 7_000_000_000,
        "Retries": 6,
    }
    assert host["PortBindings"] == {"80/udp": [{"HostIp": "127.0.0.1", "HostPort": "8098"}]}
    assert set(config["ExposedPorts"]) == {"80/udp", "81/tcp"}
    assert {(m["Type"], m["Destination"], m["RW"]) for m in made["Mounts"]} == {
        ("volume", "/v", True),
        ("tmpfs", "/t", True),
        ("bind", "/b", False),
    }
    assert host["Devices"] == [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "r"}]
    assert (host["CapAdd"], host["CapDrop"], host["SecurityOpt"]) == (["NET_ADMIN"], ["CHOWN"], ["no-new-privileges"])
    assert (host["ReadonlyRootfs"], host["Init"], host["Privileged"]) == (True, True, False)
    assert (host["Memory"], host["NanoCpus"]) == (33_554_432, 500_000_000)
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["LogConfig"] == {"Type": "local", "Config": {"max-size": "10m", "max-file": "3"}}


def test_a_program_that_is_not_there_is_given_up(real: RealWorld) -> None:
    """A start that cannot work says which program is missing, and its leftover can be removed."""
    container = Container(real.image("well"), command=("nonsense",), entrypoint=(), network_mode="none")
    real.engine.perform(Pull("k", container.image))
    real.engine.perform(Create("k", TaskSpec("s.a.1", "s", "a", "r1", container)))
    (made,) = look(real).containers
    outcome = real.engine.perform(Start("k", made.id))
    assert repr(outcome) == "GiveUp(reason='bramble-f-s.a.1-r1 cannot start the program nonsense', suspect=True)"
    assert isinstance(real.engine.perform(Remove("k", made.id)), Done)


def _phase(engine: Engine) -> Phase | None:
    seen = engine.look()
    return seen.containers[0].phase if isinstance(seen, EngineSeen) and seen.containers else None


def _started(engine: Engine) -> str:
    seen = engine.look()
    assert isinstance(seen, EngineSeen)
    return seen.containers[0].started
