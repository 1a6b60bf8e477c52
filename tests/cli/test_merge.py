"""Several files as one: Compose's rule for each place, and faults at the line of the file that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.reading import document
from tests.cli.projects import WEB, content, faults, loaded


def service(text: str) -> str:
    """A document whose service `web` says `text`."""
    return WEB + "".join(f"    {line}\n" for line in text.splitlines())


def meant(text: str) -> Any:
    """The document that a YAML text is."""
    found = document.read(text.encode())
    assert isinstance(found, document.Document)
    return found.content


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ("restart: always", "restart: 'no'", "restart: 'no'"),
        ("restart: always", "", "restart: always"),
        ("", "restart: always", "restart: always"),
        ("user: a", "user:", "user: a"),
        ("deploy: {replicas: 1, mode: global}", "deploy: {replicas: 2}", "deploy: {replicas: 2, mode: global}"),
        ("environment: {A: 1, B: 2}", "environment: [B=3, C=4]", "environment: {A: 1, B: '3', C: '4'}"),
        ("environment: [A=1]", "environment: [A=2, B=x=y]", "environment: {A: '2', B: x=y}"),
        ("labels: [a=1]", "labels: {b: '2'}", "labels: {a: '1', b: '2'}"),
        ("sysctls: [a=1]", "sysctls: {a: 2}", "sysctls: {a: 2}"),
        ("deploy: {labels: [a=1]}", "deploy: {labels: [a=2]}", "deploy: {labels: {a: '2'}}"),
        ("command: [a, b]", "command: [c]", "command: [c]"),
        ("command: a b", "command: [c]", "command: [c]"),
        ("entrypoint: [a]", "entrypoint: b c", "entrypoint: b c"),
        ("healthcheck: {test: [CMD, a], retries: 2}", "healthcheck: {test: b}", "healthcheck: {test: b, retries: 2}"),
        ("security_opt: [a]", "security_opt: [b, a]", "security_opt: [a, b, a]"),
        ("cap_add: [A, B]", "cap_add: [B, C]", "cap_add: [A, B, C]"),
        ("dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]", "dns: [1.1.1.1, 8.8.8.8]"),
        ("tmpfs: /run", "tmpfs: ['/run:size=1m', /tmp]", "tmpfs: ['/run:size=1m', /tmp]"),
        ("ports: ['80:80', '90:90/udp']", "ports: ['80:80', '90:90']", "ports: ['80:80', '90:90/udp', '90:90']"),
        (
            "ports: ['127.0.0.1:80:80']",
            "ports: [{target: 80, published: 80, host_ip: 127.0.0.1}]",
            "ports: [{target: 80, published: 80, host_ip: 127.0.0.1}]",
        ),
        ("ports: ['80:80']", "ports: [{target: 80, published: '80'}]", "ports: [{target: 80, published: '80'}]"),
        ("ports: ['80:80']", "ports: ['81:80']", "ports: ['80:80', '81:80']"),
        ("volumes: ['a:/a', 'b:/b']", "volumes: ['c:/a:ro']", "volumes: ['c:/a:ro', 'b:/b']"),
        (
            "volumes: ['a:/a']",
            "volumes: [{type: tmpfs, target: /a}, '/x:/y']",
            "volumes: [{type: tmpfs, target: /a}, '/x:/y']",
        ),
        ("devices: ['/dev/a:/dev/x']", "devices: ['/dev/b:/dev/x', /dev/c]", "devices: ['/dev/b:/dev/x', /dev/c]"),
        ("configs: [a, b]", "configs: [{source: c, target: /a}]", "configs: [{source: c, target: /a}, b]"),
        ("secrets: [a]", "secrets: [{source: b, target: a}, c]", "secrets: [{source: b, target: a}, c]"),
        ("networks: [a]", "networks: {b: {aliases: [x]}}", "networks: {a: , b: {aliases: [x]}}"),
        (
            "networks: {a: {aliases: [x]}}",
            "networks: {a: {aliases: [x, y]}}",
            "networks: {a: {aliases: [x, y]}}",
        ),
        (
            "depends_on: [a]",
            "depends_on: {b: {condition: service_healthy}}",
            "depends_on: {a: {condition: service_started, required: true}, b: {condition: service_healthy}}",
        ),
        (
            "depends_on: {a: {condition: service_healthy, restart: true}}",
            "depends_on: [a]",
            "depends_on: {a: {condition: service_started, restart: true, required: true}}",
        ),
        ("extra_hosts: [a=1.1.1.1]", "extra_hosts: {b: 2.2.2.2}", "extra_hosts: [a=1.1.1.1, b=2.2.2.2]"),
        ("extra_hosts: {a: [1.1.1.1, 1.1.1.2]}", "extra_hosts: [a=1.1.1.1]", "extra_hosts: [a=1.1.1.1, a=1.1.1.2]"),
        ("ulimits: {nofile: 5}", "ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: {soft: 1, hard: 2}}"),
        (
            "ulimits: {nofile: {soft: 1, hard: 2}}",
            "ulimits: {nofile: {soft: 2}}",
            "ulimits: {nofile: {soft: 2, hard: 2}}",
        ),
        (
            "logging: {driver: a, options: {x: '1'}}",
            "logging: {options: {y: '2'}}",
            "logging: {driver: a, options: {x: '1', y: '2'}}",
        ),
        (
            "logging: {driver: a, options: {x: '1'}}",
            "logging: {driver: b, options: {y: '2'}}",
            "logging: {driver: b, options: {y: '2'}}",
        ),
        ("x-mine: {a: 1}", "x-mine: {b: 2}", "x-mine: {a: 1, b: 2}"),
        ("ports: ['80:80']", "ports: !override ['81:80']", "ports: ['81:80']"),
        ("environment: {A: 1}", "environment: !override {B: 2}", "environment: {B: 2}"),
        ("deploy: {replicas: 2}", "deploy: {replicas: !override 3}", "deploy: {replicas: 3}"),
        ("ports: ['80:80']\nuser: a", "ports: !reset []", "user: a"),
        ("environment: {A: 1, B: 2}", "environment: {A: !reset null}", "environment: {B: 2}"),
        ("user: a", "restart: !reset null", "user: a"),
    ],
)
def test_a_later_file_is_merged_by_composes_rules(tmp_path: Path, base: str, over: str, expected: str) -> None:
    """One row per rule: mappings, lists, lists with keys, what has two forms, what is replaced, and the two tags."""
    found = content(tmp_path, {"a.yaml": service(base), "b.yaml": service(over)})
    assert found["services"]["web"] == meant(service(expected))["services"]["web"]


def test_sections_of_all_files_come_together(tmp_path: Path) -> None:
    """Services, volumes and sensors of two files; the first file's name for the stack."""
    first = WEB + "volumes: {data: }\nsensors: {door: {kind: button, pin: 4, nodes: a == b}}\n"
    second = "services: {db: {image: 'db:1'}}\nvolumes: {data: {labels: [a=1]}}\nsensors: {door: {nodes: [c == d]}}\n"
    project = loaded(tmp_path, {"shop.yaml": first, "more.yaml": second})
    found: Any = project.content
    assert (project.name, list(found["services"])) == ("shop", ["web", "db"])
    assert found["volumes"] == {"data": {"labels": ["a=1"]}}
    assert found["sensors"]["door"]["nodes"] == ["a == b", "c == d"]


def test_three_files_are_merged_in_their_order(tmp_path: Path) -> None:
    """The last one has the last word, and its `name:` too."""
    files = {f"{i}.yaml": f"name: n{i}\n" + service(f"user: u{i}\ncap_add: [C{i}]") for i in range(3)}
    project = loaded(tmp_path, files)
    found: Any = project.content
    assert (project.name, found["services"]["web"]["user"]) == ("n2", "u2")
    assert found["services"]["web"]["cap_add"] == ["C0", "C1", "C2"]


@pytest.mark.parametrize(
    ("base", "over", "what"),
    [
        ("ports: ['80:80']", "ports: {a: b}", "a list"),
        ("deploy: {replicas: 1}", "deploy: [1]", "a mapping"),
        ("user: a", "user: [b]", "one value"),
    ],
)
def test_what_cannot_be_merged_names_both_places(tmp_path: Path, base: str, over: str, what: str) -> None:
    """A list over a mapping is a mistake; the fault stands in the later file and points to the earlier."""
    found = faults(loaded(tmp_path, {"a.yaml": service(base), "b.yaml": service(over)}))
    key = base.partition(":")[0]
    expected = f"b.yaml:4:5: services.web.{key}: this must be {what}, as in a.yaml:4; or write !override before it"
    assert found == [expected]


def test_a_fault_after_merging_names_the_file_that_wrote_it(tmp_path: Path) -> None:
    """Each part keeps its origin, whatever it was merged with; what is missing is told at its nearest parent."""
    first = "services:\n  web:\n    image: web:1\n    environment: {A: 1}\n"
    second = "services:\n  web:\n    prots: []\n  db:\n    user: x\n"
    project = loaded(tmp_path, {"a.yaml": first, "b.yaml": second})
    assert project.stack() is None
    found = sorted(line.partition(";")[0] for line in faults(project))
    assert found == [
        "b.yaml:3:5: services.web.prots: the key 'prots' is not supported here",
        "b.yaml:4:3: services.db.image: the key 'image' is missing",
    ]
