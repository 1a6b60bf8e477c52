"""The same job in Node-RED: an event on a topic, a function, an action on another topic; QoS 1, over one tuned Mosquitto.

`python -m tests.bench nodered`. Node-RED comes from npm (the version below, into `.cache/`; a minute the first time), with its
default settings but for the editor, which is off: a flow of `mqtt in`, `function` and `mqtt out`. Ours is `tests.bench.chain`: a
sensor, a commit, a warm function in a container of its own over a unix socket, a commit, an action. Events are sparse, ten a
second, one after the other; then as many as each takes, 32 under way. Memory is that of all processes of a side.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from lab.broker import Broker
from lab.host import Host
from lab.images import Image, archive
from lab.processes import Process
from lab.site import Site
from protocol.function import Transport
from tests.bench import chain
from tests.bench.figure import Figure, Say

VERSION = "4.1.15"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "node-red"
EVENTS, WARM_UP = 100, 10
PAUSE_S = 0.1
MANY, UNDER_WAY = 2000, 32
AIM = 0.05
PEER = f"Node-RED {VERSION}"

SETTINGS = """
module.exports = {
  flowFile: "flows.json", disableEditor: true, httpAdminRoot: false, httpNodeRoot: false, telemetry: {enabled: false},
  uiHost: "127.0.0.1", logging: {console: {level: "warn"}}
}
"""
FUNCTION = "msg.payload = {n: msg.payload.n, on: true}; return msg;"


def measure(say: Say) -> tuple[Figure, ...]:
    """One event at a time, then many; one side after the other."""
    _fetch(say)
    with Site() as site:
        broker = site.start_broker()
        (host,) = site.start_hosts("engine")
        host.docker("load", "--quiet", given=archive(Image("python", "1"), chain.IMAGE))
        with tempfile.TemporaryDirectory(dir=site.directory) as folder, chain.controller(broker):
            ours, theirs = (
                chain.start_agent(broker, host, Path(folder)),
                _start(broker, host, Path(folder) / "node-red"),
            )
            chain.assign(broker, Transport.SOCKET)
            with chain.Client(broker) as client:
                for side in ("ours", "theirs"):
                    client.until_answered(side)
                say(f"{EVENTS} events each, ten a second")
                took = {side: _sparse(client, side) for side in ("theirs", "ours")}
                say(f"{MANY} events each, {UNDER_WAY} under way")
                rates = {side: client.rate(side, MANY, UNDER_WAY) for side in ("theirs", "ours")}
            memory = {"ours": _rss_mib(ours.pid, *_inside(host)), "theirs": _rss_mib(theirs.pid)}
            theirs.kill()
            ours.kill()
    medians = {side: statistics.median(found) for side, found in took.items()}
    latest = {side: statistics.quantiles(found, n=100)[98] for side, found in took.items()}
    return (
        Figure("sparse events to actions: median", PEER, medians["ours"], medians["theirs"], "ms", AIM),
        Figure("sparse events to actions: 99 of 100", PEER, latest["ours"], latest["theirs"], "ms"),
        Figure("events to actions, many under way", PEER, rates["ours"], rates["theirs"], "/s", better="higher"),
        Figure("memory (RSS), the function's container too", PEER, memory["ours"], memory["theirs"], "MiB"),
    )


def _sparse(client: chain.Client, side: str) -> list[float]:
    return [client.took_ms(side, pause_s=PAUSE_S) for _ in range(WARM_UP + EVENTS)][WARM_UP:]


def _fetch(say: Say) -> None:
    """Install Node-RED below the cache, once."""
    if (CACHE / "node_modules" / "node-red" / "red.js").exists():
        return
    say(f"fetching Node-RED {VERSION} from npm")
    CACHE.mkdir(parents=True, exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--silent")
    subprocess.run(["npm", "install", *quiet, "--prefix", str(CACHE), f"node-red@{VERSION}"], check=True)


def _start(broker: Broker, host: Host, folder: Path) -> Process:
    folder.mkdir()
    (folder / "settings.js").write_text(SETTINGS)
    (folder / "flows.json").write_text(json.dumps(_flow(broker)))
    node = shutil.which("node") or "node"
    program = CACHE / "node_modules" / "node-red" / "red.js"
    return host.spawn("node-red", [node, str(program), "--userDir", str(folder)], {"HOME": str(folder)})


def _flow(broker: Broker) -> list[dict[str, object]]:
    """What a person would draw: three boxes."""
    link = {"id": "link", "type": "mqtt-broker", "broker": broker.address, "port": str(broker.port)}
    mqtt = {"z": "tab", "broker": "link", "qos": "1"}
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        link | {"clientid": "node-red", "autoConnect": True, "protocolVersion": "5", "keepalive": "60"},
        {
            "id": "in",
            "type": "mqtt in",
            **mqtt,
            "topic": chain.EVENT.format("theirs"),
            "datatype": "json",
            "wires": [["do"]],
        },
        {"id": "do", "type": "function", "z": "tab", "func": FUNCTION, "outputs": 1, "wires": [["out"]]},
        {
            "id": "out",
            "type": "mqtt out",
            **mqtt,
            "topic": chain.ACTION.format("theirs"),
            "retain": "false",
            "wires": [],
        },
    ]


def _inside(host: Host) -> list[int]:
    """The main processes of the host's containers, as the machine numbers them."""
    found = host.docker("ps", "--quiet").split()
    return [int(host.docker("inspect", "--format", "{{.State.Pid}}", one)) for one in found]


def _rss_mib(*pids: int) -> float:
    kib = [
        line.split()[1]
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if "VmRSS" in line
    ]
    return sum(map(int, kib)) / 1024
