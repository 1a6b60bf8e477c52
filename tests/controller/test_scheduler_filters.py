"""What speaks against a node, filter by filter, and which node comes first among those that nothing speaks against."""

from __future__ import annotations

from typing import Any

import pytest

from controller.decide.placement.scheduler import best_node, objections
from controller.decide.presence import Presence
from controller.decide.records import Availability, Image
from protocol.container import Port
from protocol.desired import SensorSpec
from protocol.ids import full_reference
from protocol.stack import Needs, Resources, Sensor, Service
from tests.controller.yard import GIBIBYTE, Yard, service

MEBIBYTE = 2**20


def against(wanted: Service, **node: Any) -> tuple[str, ...]:
    """What speaks against one node."""
    yard = Yard()
    yard.node("pi", **node)
    yard.publish(wanted)
    return objections(yard.fleet, yard.fleet.nodes["pi"], wanted)


CASES: list[tuple[str, Service, dict[str, Any], tuple[str, ...]]] = [
    ("nothing", service(), {}, ()),
    ("drained", service(), {"availability": Availability.DRAIN}, ("is drained",)),
    ("paused", service(), {"availability": Availability.PAUSE}, ("is paused",)),
    ("suspect", service(), {"presence": Presence.SUSPECT}, ("is suspect",)),
    ("offline", service(), {"presence": Presence.OFFLINE}, ("is offline",)),
    ("no engine", service(), {"engine": ""}, ("has no Docker Engine",)),
    ("constraint", service(constraints=("node.labels.place == porch",)), {}, ("has no label place",)),
    ("runtime", service(runtime="crun"), {"runtimes": ("runc",)}, ("has no runtime crun",)),
    ("runtime there", service(runtime="crun"), {"runtimes": ("crun", "runc")}, ()),
    ("runtimes unknown", service(runtime="crun"), {}, ()),
    ("asked platform", service(platform="linux/amd64"), {}, ("is arm64, and the service asks for linux/amd64",)),
    ("short platform", service(platform="arm64"), {}, ()),
    (
        "memory",
        service(reservations=Resources(memory_bytes=900 * MEBIBYTE)),
        {},
        ("has 832 MiB of memory free, and 900 MiB are to be reserved",),
    ),
    ("memory fits", service(reservations=Resources(memory_bytes=832 * MEBIBYTE)), {}, ()),
    ("memory unknown", service(reservations=Resources(memory_bytes=GIBIBYTE)), {"memory_bytes": 0}, ()),
    (
        "memory without limits",
        service(reservations=Resources(memory_bytes=GIBIBYTE)),
        {"memory_limits": False},
        ("has 832 MiB of memory free, and 1024 MiB are to be reserved",),
    ),
    ("cores", service(reservations=Resources(cpus=4.0)), {}, ("has 3.9 cores free, and 4 are to be reserved",)),
    ("cores fit", service(reservations=Resources(cpus=3.9)), {}, ()),
    ("pin", service(needs=Needs(pins=(17,))), {"pins": (4, 18)}, ("has no pin 17",)),
    ("pin there", service(needs=Needs(pins=(17,))), {"pins": (4, 17)}, ()),
    ("bus", service(needs=Needs(buses=("i2c-1",))), {"buses": ("spi0.0",)}, ("has no bus i2c-1",)),
    ("device", service(needs=Needs(devices=("/dev/ttyUSB0",))), {"devices": ()}, ("has no /dev/ttyUSB0",)),
    ("device there", service(needs=Needs(devices=("/dev/snd",))), {"devices": ("/dev/snd/timer",)}, ()),
    ("label needed", service(needs=Needs(labels=("camera",))), {}, ("has no label camera",)),
    ("label there", service(needs=Needs(labels=("camera",))), {"labels": {"camera": ""}}, ()),
    (
        "template",
        service(environment={"SITE": "{{.Node.Labels.site}}"}),
        {},
        ("has no label site, which a template asks for",),
    ),
    ("template filled", service(environment={"SITE": "{{.Node.Labels.site}}"}), {"labels": {"site": "home"}}, ()),
    (
        "two at once",
        service(constraints=("node.id == other",), needs=Needs(buses=("i2c-1",))),
        {"availability": Availability.PAUSE},
        ("node.id is pi, not other", "has no bus i2c-1", "is paused"),
    ),
]


@pytest.mark.parametrize(("wanted", "node", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_filter_says_what_is_missing_in_one_sentence(
    wanted: Service, node: dict[str, Any], said: tuple[str, ...]
) -> None:
    """A node without an objection may take the task; one with several has a sentence for each."""
    assert against(wanted, **node) == said


@pytest.mark.parametrize(
    ("architecture", "platforms", "fits"),
    [
        ("aarch64", ("linux/arm64",), True),
        ("aarch64", ("linux/arm64/v8",), True),
        ("aarch64", ("linux/arm/v7",), True),
        ("aarch64", ("linux/amd64",), False),
        ("aarch64", ("linux/amd64", "linux/arm64"), True),
        ("armv8l", ("linux/arm64",), False),
        ("armv8l", ("linux/arm/v7",), True),
        ("armv7l", ("linux/arm/v7",), True),
        ("armv7l", ("linux/arm/v8",), False),
        ("armv6l", ("linux/arm/v7",), False),
        ("armv6l", ("linux/arm/v6",), True),
        ("armv6l", ("linux/arm",), True),
        ("x86_64", ("linux/386",), True),
        ("x86_64", ("windows/amd64",), False),
        ("x86_64", (), True),
    ],
)
def test_an_image_goes_only_where_it_can_run(architecture: str, platforms: tuple[str, ...], *, fits: bool) -> None:
    """A 32-bit system on a 64-bit kernel says armv8l; what a registry has not told is no objection."""
    yard, wanted = Yard(), service()
    yard.node("pi", architecture=architecture)
    yard.publish(wanted)
    image = full_reference("web:1")
    yard.fleet.images.put(f"shop {image}", Image("shop", image, "sha256:1", platforms))
    said = objections(yard.fleet, yard.fleet.nodes["pi"], wanted)
    assert (said == ()) is fits
    assert all("the image is made for" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("asked", "platforms", "said"),
    [
        ("linux/arm/v7", ("linux/arm/v7", "linux/arm64/v8"), ()),
        ("linux/arm/v7", ("linux/arm/v6",), ()),
        ("linux/arm64", ("linux/arm64/v8",), ()),
        ("linux/arm64", (), ()),
        ("linux/amd64", ("linux/amd64", "linux/arm64"), ("is arm64, and the service asks for linux/amd64",)),
        (
            "linux/arm/v6",
            ("linux/arm/v7",),
            ("the image is made for linux/arm/v7, and the service asks for linux/arm/v6",),
        ),
        ("arm64", ("linux/amd64",), ("the image is made for linux/amd64, and the service asks for linux/arm64",)),
    ],
)
def test_a_platform_that_is_asked_for_is_of_the_image_and_of_the_node(
    asked: str, platforms: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """Both must have it, and the sentence says which has not; a registry that said nothing is no objection."""
    yard, wanted = Yard(), service(platform=asked)
    yard.node("pi", architecture="aarch64")
    yard.publish(wanted)
    image = full_reference("web:1")
    yard.fleet.images.put(f"shop {image}", Image("shop", image, "sha256:1", platforms))
    assert objections(yard.fleet, yard.fleet.nodes["pi"], wanted) == said


def test_a_pin_of_a_sensor_or_of_another_task_is_taken() -> None:
    """Two cannot watch one pin, whoever they are."""
    yard, one, other = Yard(), service("one", needs=Needs(pins=(17,))), service("two", needs=Needs(pins=(17, 27)))
    yard.node("pi", pins=(4, 17, 27))
    yard.publish(one, other)
    yard.turn()
    assert yard.placed == {"shop.one.1": "pi"}
    assert objections(yard.fleet, yard.fleet.nodes["pi"], other) == ("pin 17 is taken by shop.one",)
    yard.publish(one, other, sensors={"bell": Sensor(SensorSpec("bell", "shop", "button", {"pin": 27}))})
    yard.turn()
    said = objections(yard.fleet, yard.fleet.nodes["pi"], other)
    assert said == ("pin 27 is taken by shop.bell", "pin 17 is taken by shop.one")


def test_a_task_whose_pin_a_sensor_takes_leaves_for_another_node() -> None:
    """Sensors cannot move; tasks can."""
    yard, wanted = Yard(), service(needs=Needs(pins=(17,)))
    yard.node("pi-1", pins=(17,), labels={"place": "porch"})
    yard.node("pi-2", pins=(17,))
    yard.publish(wanted)
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-1"}
    bell = Sensor(SensorSpec("bell", "shop", "button", {"pin": 17}), ("node.labels.place == porch",))
    yard.publish(wanted, sensors={"bell": bell})
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-2"}


def test_ports_are_compared_as_the_host_does() -> None:
    """The same number on another protocol, or on another address of the host, is another port."""
    http = Port(80, 80)
    ports = {"a": http, "b": Port(80, 80, "udp"), "c": Port(80, 81), "d": Port(80, 80, "tcp", "10.0.0.9")}
    yard = Yard()
    yard.node("pi")
    yard.publish(*(service(name, ports=(port,)) for name, port in ports.items()))
    yard.turn()
    assert set(yard.placed) == {"shop.a.1", "shop.b.1", "shop.c.1"}
    assert yard.reasons("d") == ("pi: port 80/tcp is taken by shop.a",)


def test_no_more_tasks_per_node_than_were_asked_for() -> None:
    """`max_replicas_per_node` leaves the rest pending, with the reason."""
    yard = Yard()
    yard.node("pi-1")
    yard.node("pi-2")
    yard.publish(service(replicas=5, most_per_node=2))
    yard.turn()
    assert sorted(yard.placed.values()) == ["pi-1", "pi-1", "pi-2", "pi-2"]
    assert yard.reasons("web") == ("pi-1: carries 2 of this service already", "pi-2: carries 2 of this service already")


def test_the_reservations_of_all_tasks_on_a_node_count() -> None:
    """What others were promised is not promised twice; what they give back is used at once."""
    yard, large = Yard(), Resources(memory_bytes=600 * MEBIBYTE)
    yard.node("pi")
    yard.publish(service("one", reservations=large), service("two", reservations=large))
    yard.turn()
    assert set(yard.placed) == {"shop.one.1"}
    assert yard.reasons("two") == ("pi: has 232 MiB of memory free, and 600 MiB are to be reserved",)
    yard.publish(service("one", replicas=0, reservations=large), service("two", reservations=large))
    yard.turn()
    assert set(yard.placed) == {"shop.two.1"}


def test_a_placed_task_never_moves_for_load() -> None:
    """A service that reserves more from now on keeps its place, even where it no longer fits."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(replicas=2, reservations=Resources(memory_bytes=MEBIBYTE)))
    yard.turn()
    yard.node("pi-2")
    yard.publish(service(replicas=3, reservations=Resources(memory_bytes=700 * MEBIBYTE)))
    yard.turn()
    assert yard.placed == {"shop.web.1": "pi-1", "shop.web.2": "pi-1", "shop.web.3": "pi-2"}


def chosen(*services: Service, **nodes: dict[str, Any]) -> list[str]:
    """The nodes of the last service's tasks, after all were placed on these nodes."""
    yard = Yard()
    for name, node in nodes.items():
        yard.node(name, **node)
    yard.publish(*services)
    yard.turn()
    return sorted(task.node for task in yard.tasks(services[-1].name))


HOME, WORK = {"labels": {"site": "home"}}, {"labels": {"site": "work"}}


@pytest.mark.parametrize(
    ("services", "nodes", "wanted"),
    [
        ([service()], {"b": {}, "a": {}}, ["a"]),
        ([service("a1"), service()], {"a": {}, "b": {}}, ["b"]),
        ([service(replicas=4)], {"a": {}, "b": {}, "c": {}}, ["a", "a", "b", "c"]),
        (
            [service("a1", replicas=2, reservations=Resources(memory_bytes=100 * MEBIBYTE)), service()],
            {"a": {}, "b": {"memory_bytes": 4 * GIBIBYTE}},
            ["b"],
        ),
        ([service("a1", replicas=2, reservations=Resources(1.0)), service()], {"a": {}, "b": {"cpus": 8}}, ["b"]),
        ([service(replicas=3, preferences=("site",))], {"a": HOME, "b": HOME, "c": WORK}, ["a", "b", "c"]),
        ([service(replicas=4, preferences=("site",))], {"a": HOME, "b": HOME, "c": WORK}, ["a", "b", "c", "c"]),
        ([service(replicas=2, preferences=("site",))], {"a": HOME, "b": HOME, "c": {}}, ["a", "c"]),
        (
            [service(replicas=3, preferences=("site", "row"))],
            {
                "a": {"labels": {"site": "home", "row": "1"}},
                "b": {"labels": {"site": "home", "row": "1"}},
                "c": {"labels": {"site": "home", "row": "2"}},
                "d": WORK,
            },
            ["a", "c", "d"],
        ),
        (
            [
                service("a1", "web:1", constraints=("node.id == b",)),
                service("a2", constraints=("node.id == a",)),
                service(),
            ],
            {"a": {}, "b": {}},
            ["b"],
        ),
    ],
    ids=[
        "ties by name",
        "fewest tasks",
        "fewest of the service",
        "memory share",
        "cores share",
        "groups first",
        "groups before nodes",
        "no label is a group",
        "the second preference",
        "the image is there",
    ],
)
def test_the_best_node_is_chosen_score_by_score(
    services: list[Service], nodes: dict[str, dict[str, Any]], wanted: list[str]
) -> None:
    """Groups, then tasks of the service, then tasks, then shares, then the image, then the name."""
    assert chosen(*services, **nodes) == wanted


def test_the_best_node_can_be_asked_for_beside_some() -> None:
    """Whoever replaces a lost task asks for any node but the lost one; asking changes nothing."""
    yard, wanted = Yard(), service()
    for name in ("a", "b", "c"):
        yard.node(name)
    yard.publish(wanted)
    yard.turn()
    assert [best_node(yard.fleet, wanted, but_not) for but_not in ((), ("b",), ("b", "c"), ("a", "b", "c"))] == [
        "b",
        "c",
        "a",
        None,
    ]
    assert best_node(yard.fleet, wanted) == "b"
