"""A `stack.yml` of OpenFaaS: what its keys mean here, and that whatever means nothing is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.project import Project
from protocol.function import Mode
from protocol.reading import stackfile
from protocol.stack import Stack
from tests.cli.projects import content, faults, loaded, warnings

HEAD = "version: 1.0\nprovider: {name: openfaas, gateway: http://127.0.0.1:8080}\nfunctions:\n  f:\n    image: f:1\n"


def function(directory: Path, rest: str, **files: str) -> Any:
    """How a function of the file is published."""
    return content(directory, {"stack.yaml": HEAD + rest, **files})["functions"]["f"]


def project(directory: Path, rest: str, **files: str) -> Project:
    return loaded(directory, {"stack.yaml": HEAD + rest, **files})


def test_its_images_are_asked_over_http_and_one_is_always_there(tmp_path: Path) -> None:
    """Without a word a function has OpenFaaS's defaults: an instance at all times, a minute for a call, many calls in flight."""
    made = project(tmp_path, "    lang: python3\n    handler: ./f\n")
    stack = made.stack()
    assert isinstance(stack, Stack)
    spec = stack.functions["f"].spec
    assert (spec.mode, spec.container.image, spec.timeout_s, spec.concurrency) == (Mode.WARM, "f:1", 60.0, 16)
    assert (spec.scale.min, spec.scale.max) == (1, 4)
    assert warnings(made) == [
        "stack.yaml:6:5: functions.f.lang: lang, handler: for building, and passed over; nodes pull f:1"
    ]


def test_the_environment_is_what_the_watchdog_reads(tmp_path: Path) -> None:
    """Files go over what stands there, in their order; `fprocess` is a variable; the watchdog's bounds are the function's."""
    rest = """\
    fprocess: cat
    environment: {a: 1, b: true, exec_timeout: 10s, write_timeout: 1m5s, max_inflight: 4}
    environment_file: [one.yml, two.yml]
"""
    files = {"one.yml": "environment: {a: 2, c: 3}\n", "two.yml": "environment: {c: 4}\n"}
    made = function(tmp_path, rest, **files)
    assert made["environment"] == {
        "a": "2", "b": "true", "c": "4", "exec_timeout": "10s", "write_timeout": "1m5s", "max_inflight": "4", "fprocess": "cat",
        "healthcheck_interval": "1s",
    }  # fmt: skip
    assert (made["timeout"], made["concurrency"]) == ("66s", 4)


def test_a_watchdog_that_is_to_end_waits_as_long_as_it_is_told_and_no_longer(tmp_path: Path) -> None:
    """Without a word it would wait half a minute for callers that nobody sends."""
    said = function(tmp_path, "    environment: {healthcheck_interval: 5s}\n")["environment"]
    assert said == {"healthcheck_interval": "5s"}


def test_only_braces_are_variables(tmp_path: Path) -> None:
    """As there: a bare dollar in `fprocess` is the shell's."""
    made = loaded(tmp_path, {"stack.yaml": HEAD + "    fprocess: echo $word ${NAME:-you} $$x\n"})
    stack = made.stack()
    assert isinstance(stack, Stack)
    assert stack.functions["f"].spec.container.environment["fprocess"] == "echo $word you $x"


def test_secrets_come_from_beside_the_file(tmp_path: Path) -> None:
    """Where faas-cli has them for a run on the spot; one that is not there is told."""
    made = project(tmp_path, "    secrets: [key, other]\n", **{".secrets/key": "hush"})
    assert made.content["secrets"] == {"key": {"content": "hush"}}
    assert "there is no secret 'other'" in "".join([*faults(made), str(made.stack()), *faults(made)])
    assert any(".secrets/other" in one.fault.remedy for one in made.findings.warnings)


def test_labels_say_how_many_there_are(tmp_path: Path) -> None:
    """Minimum, maximum, zero and a target of calls in flight; a target of requests per second means nothing here, and is told."""
    rest = """\
    labels:
      com.openfaas.scale.min: "2"
      com.openfaas.scale.max: "6"
      com.openfaas.scale.type: capacity
      com.openfaas.scale.target: 8
"""
    assert function(tmp_path, rest)["scale"] == {"min": 2, "max": 6, "target": 8}
    zero = "    labels: {com.openfaas.scale.zero: true, com.openfaas.scale.zero-duration: 2m}\n"
    assert function(tmp_path, zero)["scale"] == {"min": 0, "max": 4, "zero_after": "2m"}
    told = project(tmp_path, "    labels: {com.openfaas.scale.target: 8, com.openfaas.scale.factor: 20, team: a}\n")
    assert "target" not in told.content["functions"]["f"]["scale"]
    said = "\n".join(warnings(told))
    assert "it counts requests per second" in said
    assert "com.openfaas.scale.factor is passed over: instances are added one by one" in said
    assert "the label 'team' is passed over" in said


def test_annotations_are_what_calls_it(tmp_path: Path) -> None:
    """A schedule of the cron connector, topics of the MQTT connector; how that differs with several nodes is told."""
    cron = project(tmp_path, '    annotations: {topic: cron-function, schedule: "*/5 * * * *"}\n')
    assert cron.content["functions"]["f"]["triggers"] == [{"schedule": "*/5 * * * *"}]
    assert "every node that hosts it is called at these times" in warnings(cron)[0]
    ready = project(tmp_path, "    annotations: {com.openfaas.ready.http.path: /_/ready}\n")
    assert warnings(ready) == []
    rest = '    annotations: {topic: "a/b, c", owner: me}\n    constraints: ["disk=ssd"]\n'
    topics = project(tmp_path, rest)
    assert topics.content["functions"]["f"]["triggers"] == [
        {"sensor": "f-topic-1", "on": "received"},
        {"sensor": "f-topic-2", "on": "received"},
    ]
    nodes = ["node.labels.disk == ssd"]
    assert topics.content["sensors"]["f-topic-2"] == {"kind": "mqtt", "topic": "c", "shows": "event", "nodes": nodes}
    assert isinstance(topics.stack(), Stack)
    assert "the annotation 'owner' means nothing here" in "\n".join(warnings(topics))


def test_limits_and_a_read_only_root_are_its_containers(tmp_path: Path) -> None:
    """Sizes and processors as Kubernetes and Swarm write them; /tmp stays writable; what is promised is passed over, and told."""
    rest = """\
    limits: {memory: 128Mi, cpu: 100m}
    requests: {memory: 64Mi}
    readonly_root_filesystem: true
    namespace: dev
"""
    made = project(tmp_path, rest)
    stack = made.stack()
    assert isinstance(stack, Stack)
    container = stack.functions["f"].spec.container
    assert (container.memory_bytes, container.cpus, container.read_only) == (128 * 2**20, 0.1, True)
    assert [(mount.kind, mount.target, mount.mode) for mount in container.mounts] == [("tmpfs", "/tmp", 0o1777)]
    assert [line.partition(": ")[2].partition(":")[0] for line in warnings(made)] == [
        "functions.f.requests",
        "functions.f.namespace",
    ]


def test_what_it_has_no_word_for_is_refused(tmp_path: Path) -> None:
    """A key that is neither OpenFaaS's nor ours is named with its line, and so is a stack file that is published raw."""
    assert faults(project(tmp_path, "    imagee: f:2\n"))[0].startswith("stack.yaml:6:5: functions.f.imagee:")
    (fault, *_) = stackfile.read(HEAD.encode(), "s")  # type: ignore[misc]
    assert fault.remedy == "publish it with `bramble up`, which translates it"
