"""A manifest is a stack, or says what is wrong with it, where, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.envelope import read_json
from protocol.operator import ManifestFault
from protocol.reading import stackfile
from protocol.shapes import Shape, write
from protocol.stack import Mode, Stack

MANIFESTS = sorted((Path(__file__).parents[2] / "manifests").glob("*.yaml"))
PORCH = (Path(__file__).parents[2] / "manifests" / "porch.yaml").read_bytes()


def stack_of(text: str, name: str = "porch") -> Stack:
    """Read a manifest that must be well."""
    got = stackfile.read(text.encode(), name)
    assert isinstance(got, Stack), got
    return got


def first_fault(text: str | bytes) -> ManifestFault:
    """Read a manifest that must be refused."""
    got = stackfile.read(text if isinstance(text, bytes) else text.encode(), "porch")
    assert isinstance(got, tuple), got
    return got[0]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_example_loads(path: Path) -> None:
    """What we show to people works."""
    assert isinstance(stackfile.read(path.read_bytes(), path.stem), Stack)


def test_the_porch_is_what_it_says() -> None:
    """The sections of the demo's stack arrive whole."""
    porch = stackfile.read(PORCH, "porch")
    assert isinstance(porch, Stack)
    assert porch.services["dashboard"].mode is Mode.GLOBAL
    assert porch.services["dashboard"].container.ports[0].published == 8080
    assert porch.sensors["doorbell"].spec.options["debounce"] == pytest.approx(0.03)
    assert porch.actuators["lamp"].spec.safe == "off"
    assert porch.functions["greet"].spec.triggers[0].sensor == "doorbell"


def test_the_same_stack_in_json_has_the_same_revision() -> None:
    """YAML or JSON, and whatever order of keys: content decides."""
    yaml = "services: {web: {image: web:1, environment: {A: 1, B: two}}}"
    document = {"services": {"web": {"environment": ["B=two", "A=1"], "image": "web:1"}}}
    assert stack_of(yaml).revision == stack_of(json.dumps(document)).revision


def test_how_many_and_where_are_not_part_of_a_revision() -> None:
    """Scaling a service does not roll it."""
    one = stack_of("services: {web: {image: web:1}}").services["web"]
    three = stack_of("services: {web: {image: web:1, deploy: {replicas: 3}}}").services["web"]
    other = stack_of("services: {web: {image: web:2}}").services["web"]
    assert one.revision == three.revision != other.revision


def test_short_forms_mean_their_long_forms() -> None:
    """Ports, volumes, commands and environments as Compose reads them."""
    short = """
volumes: {data: {}}
services:
  web:
    image: web:1
    command: serve --name "a b"
    ports: ["127.0.0.1:8080:80/udp", 9090]
    volumes: ["data:/data:ro", "/srv:/srv"]
"""
    long = """
volumes: {data: }
services:
  web:
    image: web:1
    command: [serve, --name, a b]
    ports: [{target: 80, published: "8080", protocol: udp, host_ip: 127.0.0.1}, {target: 9090}]
    volumes: [{type: volume, source: data, target: /data, read_only: true}, {type: bind, source: /srv, target: /srv}]
"""
    assert stack_of(short) == stack_of(long)


def test_a_folded_text_is_what_yaml_says() -> None:
    """Lines that are folded into one have a space between them, and nothing else."""
    text = "services:\n  web:\n    image: web:1\n    environment:\n      SAID: >\n        one\n        two\n\n        three\n"
    assert dict(stack_of(text).services["web"].container.environment)["SAID"] == "one two\nthree\n"


def test_anchors_and_merges_work_as_in_compose_files() -> None:
    """A section beside can hold what services share."""
    text = "x-base: &base {image: web:1, init: true}\nservices: {a: {<<: *base}, b: {<<: *base, init: false}}"
    services = stack_of(text).services
    assert services["a"].container.init
    assert not services["b"].container.init


REFUSED = [
    ("a: [", "", 1, "not readable as YAML"),
    (b"\xff", "", None, "not UTF-8"),
    ("", "", 1, "a manifest is a mapping"),
    ("- a", "", 1, "a manifest is a mapping"),
    ("{}", "", 1, "a stack needs at least one of"),
    ("services:\n  web:\n    imag: x\n    image: x", "services.web.imag", 3, "the key 'imag' is not supported here"),
    ("services: {web: {}}", "services.web.image", 1, "the key 'image' is missing"),
    ("services:\n  web: {image: 3}", "services.web.image", 2, "this must be text, not 3"),
    ("services: {w: {image: x,\n deploy: {replicas: two}}}", "services.w.deploy.replicas", 2, "must be a whole number, not 'two'"),
    ("services: {w: {image: x, image: y}}", "", 1, "the key 'image' stands twice"),
    ("services: {w: {image: x, ports: ['80:80-90']}}", "services.w.ports[0]", 1, "'80:80-90' has 1 ports outside and 11 inside"),
    ("services: {w: {image: x, volumes: ['d:/x']}}", "services.w.volumes[0]", 1, "the volume 'd' is not declared"),
    ("services: {w: {image: x, volumes: ['./d:/x']}}", "services.w.volumes[0]", 1, "is relative to your machine"),
    ("services: {w: {image: x, restart: sometimes}}", "services.w.restart", 1, "'sometimes' is no restart policy"),
    ("services: {w: {image: x, build: .}}", "services.w.build", 1, "the key 'build' is not supported: nodes do not build"),
    ("services: {w: {image: x, deploy: {x-bramble: {}}}}", "services.w.deploy.x-bramble", 1, "'x-bramble' belongs to a service"),
    ("services: {w: {image: x, stop_grace_period: soon}}", "services.w.stop_grace_period", 1, "'soon' is no duration"),
    ("services: {w: {image: x, deploy: {placement: {constraints: [place == porch]}}}}",
     "services.w.deploy.placement.constraints[0]", 1, "'place == porch' is no constraint"),
    ("sensors: {d: {kind: button, pin: 4, nodes: node.role == x}}", "sensors.d.nodes[0]", 1, "'node.role' divides"),
    ("services: {Web: {image: x}}", "services.Web", 1, "'Web' is no name"),
    ("services: {svc-a: {image: x}}", "services.svc-a", 1, "reserved"),
    ("name: other\nservices: {w: {image: x}}", "name", 1, "the file names the stack 'other', its topic 'porch'"),
    ("sensors: {d: {kind: buton, pin: 4}}", "sensors.d.kind", 1, "'buton' is no kind of sensor"),
    ("sensors: {d: {kind: button, pin: 40}}", "sensors.d.pin", 1, "less than or equal to 27"),
    ("functions: {f: {image: x, triggers: [{sensor: d, on: x}]}}", "functions.f.triggers[0].sensor", 1, "there is no sensor 'd'"),
    ("sensors: {d: {kind: button, pin: 4}}\nfunctions: {f: {image: x, triggers: [{sensor: d, on: motion}]}}",
     "functions.f.triggers[0].on", 2, "a button makes no 'motion'"),
    ("functions: {f: {image: x, triggers: [{every: 1s, sensor: d, on: x}]}}", "functions.f.triggers[0]", 1, "one cause"),
    ("services: {w: {image: x, ports: ['80:80'], deploy: {update_config: {order: start-first}}}}",
     "services.w.deploy.update_config.order", 1, "start-first needs two containers at once"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "line", "says"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_fault_names_its_place_and_reason(text: str | bytes, path: str, line: int | None, says: str) -> None:
    """Path, line and one sentence, for each way to be wrong."""
    fault = first_fault(text)
    assert fault.path == path
    assert fault.line == line
    assert says in fault.reason


def test_a_near_miss_gets_a_suggestion() -> None:
    """Misspelt keys are the most common fault of all."""
    assert first_fault("services: {w: {image: x, enviroment: {}}}").remedy == "did you mean 'environment'?"
    assert (
        first_fault("services: {w: {image: x, deploy: {update_config: {paralelism: 1}}}}").remedy
        == "did you mean 'parallelism'?"
    )


def test_a_fault_found_later_gets_its_line_from_its_path() -> None:
    """The controller knows other stacks and the path; the document knows the line."""
    text = b"services:\n  web:\n    image: a\n    ports:\n      - 80:80\n"
    faults = tuple(ManifestFault("taken", path) for path in ("services.web.ports[0]", "services.web.nothing", ""))
    places = [(fault.line, fault.column) for fault in stackfile.located(text, faults)]
    assert places == [(5, 9), (2, 3), (1, 1)]


def test_aliases_of_aliases_do_not_unfold() -> None:
    """The billion laughs stay unlaughed."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert "unfold to more" in first_fault("\n".join(levels)).reason


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(payload: bytes) -> None:
    """A stack or faults, whatever arrives."""
    assert isinstance(stackfile.read(payload, "porch"), Stack | tuple)


@given(st.text(alphabet="ab:{}[]-&*!|>'\"#%@`,?\n \t<", max_size=60))
def test_nothing_that_looks_like_yaml_makes_it_raise(text: str) -> None:
    """YAML has many corners."""
    assert isinstance(stackfile.read(text.encode(), "porch"), Stack | tuple)


@given(st.data())
def test_a_spoilt_manifest_never_raises(data: st.DataObject) -> None:
    """The porch with a slice replaced is read or refused."""
    start = data.draw(st.integers(0, len(PORCH) - 1))
    spoilt = PORCH[:start] + data.draw(st.binary(max_size=6)) + PORCH[start + data.draw(st.integers(0, 20)) :]
    assert isinstance(stackfile.read(spoilt, "porch"), Stack | tuple)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('services: {w: {image: a, environment: {A: "\\ud800"}}}', "half a character"),
        ('{"services": {"w": {"image": "a", "labels": {"\\udfff": "x"}}}}', "half a character"),
        ("services: {w: {image: a, healthcheck: {test: a, retries: 99999999999999999999999}}}", "beyond 2^53"),
        ("services: {w: {image: a, deploy: {restart_policy: {max_attempts: 9007199254740993}}}}", "beyond 2^53"),
        ("services: {w: {image: a, mem_limit: 99999999999999999999g}}", "is more than any node has"),
        ("services: {w: {image: a, stop_grace_period: 99999999999h}}", "is longer than ten years"),
        ("functions: {f: {image: a, triggers: [{every: 99999999h}]}}", "is longer than ten years"),
        ('services: {w: {image: a, restart: "on-failure:9999999999999999999999"}}', "is no restart policy"),
        ('services: {w: {image: a, restart: "on-failure:²"}}', "is no restart policy"),
        ("services: {w: {image: a, ports: ['²:80']}}", "'²:80' is no port"),
        ("services: {w: {image: a, cpus: 1.0e+300}}", "less than or equal to 1024"),
    ],
)
def test_what_no_node_would_take_is_refused_at_once(text: str, says: str) -> None:
    """A stack is stored and sent: whatever is accepted can be written and read back."""
    assert says in first_fault(text).reason


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_stack_reads_back_as_itself(path: Path) -> None:
    """The controller's store keeps accepted stacks as JSON."""
    stack = stackfile.read(path.read_bytes(), path.stem)
    assert isinstance(stack, Stack)
    assert Shape(Stack).read(read_json(write(stack))) == stack


@pytest.mark.parametrize("name", ["a.b", "svc-porch", "x" * 64])
def test_a_topic_that_names_no_stack_is_refused(name: str) -> None:
    """`a.b` would be the service b of the stack a everywhere else."""
    got = stackfile.read(b"services: {w: {image: a}}", name)
    assert isinstance(got, tuple)
    assert got[0].path == "name"
    assert repr(name) in got[0].reason


def test_a_tag_that_nobody_reads_is_refused() -> None:
    """`!reset` means something to the command line only; published as it is, it would be ignored, so it is refused by place."""
    faults = stackfile.read(b"services:\n  web:\n    image: web:1\n    command: !reset null\n", "porch")
    assert isinstance(faults, tuple)
    assert (faults[0].line, faults[0].column) == (4, 14)
    assert "the tag !reset has no meaning here" in faults[0].reason


def told(text: str) -> list[str]:
    """The paths of everything that is wrong with a manifest."""
    got = stackfile.read(text.encode(), "porch")
    assert isinstance(got, tuple), got
    return [fault.path for fault in got]


TOGETHER = [
    ("services:\n  a: {imag: x}\n  b: {image: x, volumes: ['d:/x']}\n  c: {image: x, restart: soon}",
     ["services.a.imag", "services.a.image", "services.b.volumes[0]", "services.c.restart"]),
    ("services:\n  a: {image: '${IMAGE}', imag: x}\n  b: {image: x, restart: soon}",
     ["services.a.image", "services.a.imag", "services.b.restart"]),
    ("services:\n  a: {image: x, mem_limit: '${MOST}'}\n  b: {image: 3}", ["services.a.mem_limit", "services.b.image"]),
    ("services:\n  a: {image: x, depends_on: [z]}\n  b: {imag: x, image: x}", ["services.a.depends_on.z", "services.b.imag"]),
    ("services: {a: {image: x, restart: soon}}\nx-bramble: {registries: {r: {username: u}}}",
     ["services.a.restart", "x-bramble.registries.r.password"]),
    ("functions: {f: {image: x, triggers: [{sensor: d, on: x}]}}\nservices: {a: {image: 3}}",
     ["functions.f.triggers[0].sensor", "services.a.image"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), TOGETHER)
def test_one_reading_tells_everything(text: str, paths: list[str]) -> None:
    """What does not fit together is told beside faults of the structure and variables that nobody set."""
    assert sorted(told(text)) == sorted(paths)


ALONE = [
    ("services: {a: {image: x, depends_on: [b]}, b: {image: 3}}", ["services.b.image"]),
    ("services: {a: {image: x, depends_on: {b: {condition: service_completed_successfully}}}, b: {image: 3}}",
     ["services.b.image"]),
    ("services: {a: {image: x, deploy: {mode: job}, x-bramble: {schedule: '@daily'}}}", ["services.a.deploy.mode"]),
    ("sensors: {d: {kind: buton, pin: 4}}\nfunctions: {f: {image: x, triggers: [{sensor: d, on: pressed}]}}", ["sensors.d.kind"]),
    ("services: {a: {image: x, networks: {n: {ipv4_address: 10.9.0.9}}}}\nnetworks: {n: {ipam: {config: [{subnet: 3}]}}}",
     ["networks.n.ipam.config[0].subnet"]),
    ("services: {a: {image: x, volumes: ['d:/x']}}\nvolumes: {d: {drivr: local}}", ["volumes.d.drivr"]),
    ("services: {a: {image: x, configs: [c]}}\nconfigs: {c: {file: ./c}}", ["configs.c.file"]),
    ("services: {a: {image: x, volumes: ['d:/x']}}\nvolums: {d: {}}", ["volums"]),
    ("services: {A: {image: x}, b: {image: x, depends_on: [A]}}", ["services.A"]),
    ("services: {a: {image: '${IMAGE}'}}", ["services.a.image"]),
    ("services: 3", ["services"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paths"), ALONE)
def test_a_fault_has_no_followers(text: str, paths: list[str]) -> None:
    """Nothing is told that is wrong only because something else is."""
    assert told(text) == paths
