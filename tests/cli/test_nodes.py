"""The commands about nodes: the table in its two widths, everything about one, and an operator's wishes."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from protocol.observed import DeviceStatus, Health, Inventory
from protocol.operator import Denial, NodeDetail, NodeRow, OperatorOrder, OrderVerb, TaskPlace
from tests.cli.test_look import cells, rows
from tests.fakes.session import FakeSession, no, operate, yes

HERE = NodeRow(
    "pi-1", "online", "active", 3.2, "aarch64", "Pi 4", "20.10", "0.1.0", 5, 4, 51.6, 300 * 2**20,
    {"site": "home", "place": "porch"}, ("hot",), 1024 * 2**20,
)  # fmt: skip
GONE = NodeRow("pi-2", "offline", "drain", 7300.0)
DETAIL = NodeDetail(
    HERE,
    Inventory(
        "porch", "aarch64", "Pi 4", "Debian 12", "6.6", 1024 * 2**20, 30 << 30, 4, "20.10", runtimes=("runc", "crun"),
        pins=(4, 17), buses=("i2c-1",), devices=("/dev/video0",), usb=("Keyboard",), cameras=("imx219",),
    ),
    Health(1.0, 0.1, 300 * 2**20, 9 << 30, 51.6, ("under-voltage",)),
    {"place": "porch"},
    (TaskPlace("shop.web.1", "pi-1", "running", "abc", "web:1"),),
    (DeviceStatus("bell", "button", "pin 17", "released"),),
    (DeviceStatus("lamp", "led", "pin 27", fault="the pin is taken"),),
    (4,),
)  # fmt: skip


def test_nodes_is_a_narrow_table_that_fits_a_screen() -> None:
    """Who is there, since when, and what troubles it; one that was not heard yet has no age."""
    session = FakeSession(answers={OrderVerb.NODES: rows(HERE, GONE, NodeRow("pi-3", "offline", "active"))})
    assert cells(operate(session, "nodes").stdout) == [
        ["NODE", "STATUS", "AVAILABILITY", "SEEN", "ARCH", "TEMP", "REASONS"],
        ["pi-1", "online", "active", "3s ago", "aarch64", "52 °C", "hot"],
        ["pi-2", "offline", "drain", "2h ago", "-", "-", "-"],
        ["pi-3", "offline", "active", "-", "-", "-", "-"],
    ]


def test_nodes_wide_shows_everything_that_a_row_has() -> None:
    """Ages and sizes as people read them."""
    done = operate(FakeSession(answers={OrderVerb.NODES: rows(HERE)}), "nodes", "-o", "wide")
    assert cells(done.stdout)[1] == [
        "pi-1", "online", "active", "3s ago", "aarch64", "Pi 4", "300 MiB", "1024 MiB", "52 °C", "20.10", "0.1.0", "4/5",
        "place=porch,site=home", "hot",
    ]  # fmt: skip


def test_nodes_as_json_is_the_answer_as_it_is() -> None:
    """Every field of the conversation's own words."""
    done = operate(FakeSession(answers={OrderVerb.NODES: rows(HERE)}), "nodes", "-o", "json")
    assert json.loads(done.stdout) == json.loads(json.dumps([asdict(HERE)]))


def test_a_command_without_a_wider_table_refuses_to_show_one() -> None:
    """An option that would do nothing is wrong usage."""
    done = operate(FakeSession(), "stacks", "-o", "wide")
    assert done.exit_code == 2
    assert "no wider table" in done.stderr


def test_inspect_shows_all_that_is_known_of_a_node() -> None:
    """A line for each thing, its tasks as a table, and nothing for what it does not have."""
    session = FakeSession(answers={OrderVerb.INSPECT: yes(json.loads(json.dumps(asdict(DETAIL))))})
    shown = operate(session, "node", "inspect", "pi-1").stdout
    for line in (
        "status        online, active, seen 3s ago", "troubles      hot", "system        aarch64, Debian 12, 6.6",
        "processor     4 cores, 52 °C, throttled: under-voltage", "memory        300 MiB free of 1024 MiB",
        "engine        20.10, runc, crun", "agent         0.1.0, assignment 4 of 5", "labels        place=porch,site=home",
        "set by order  place=porch", "free pins     4", "buses         i2c-1", "usb           Keyboard",
        "sensor        bell: button on pin 17, released", "actuator      lamp: led on pin 27, the pin is taken",
    ):  # fmt: skip
        assert line in shown.splitlines()
    assert cells(shown)[-1] == ["shop.web.1", "running", "web:1", "-"]
    assert session.orders == [OperatorOrder(OrderVerb.INSPECT, "pi-1")]


@pytest.mark.parametrize("verb", [OrderVerb.DRAIN, OrderVerb.PAUSE, OrderVerb.ACTIVATE])
def test_availability_prints_the_controllers_word(verb: OrderVerb) -> None:
    """The order goes to the node; its sentence is the output."""
    session = FakeSession(answers={verb: yes(message=f"pi-1: {verb}")})
    assert operate(session, "node", str(verb), "pi-1").stdout == f"pi-1: {verb}\n"
    done = operate(session, "node", str(verb), "pi-1", "-o", "json")
    assert json.loads(done.stdout) == {"node": "pi-1", "order": str(verb), "message": f"pi-1: {verb}"}
    assert session.orders == [OperatorOrder(verb, "pi-1")] * 2


def test_labels_are_set_and_taken_away() -> None:
    """A value may hold an equals sign; a label without one is wrong usage."""
    session = FakeSession(answers={OrderVerb.LABEL: yes(message="done")})
    assert operate(session, "node", "label", "add", "pi-1", "place=porch", "note=a=b").exit_code == 0
    assert operate(session, "node", "label", "rm", "pi-1", "place", "note").exit_code == 0
    assert session.orders == [
        OperatorOrder(OrderVerb.LABEL, "pi-1", {"set": {"place": "porch", "note": "a=b"}}),
        OperatorOrder(OrderVerb.LABEL, "pi-1", {"remove": ["place", "note"]}),
    ]
    wrong = operate(session, "node", "label", "add", "pi-1", "place")
    assert (wrong.exit_code, "'place' is not LABEL=VALUE, like place=porch" in wrong.stderr) == (2, True)


def test_a_node_that_is_there_is_decommissioned_by_force_only() -> None:
    """What the controller says is the exit code: a conflict is 4, a name that is unknown 3."""
    said = [no("pi-1 is online: stop its agent first, or force it", Denial.CONFLICT), yes(message="pi-1 leaves")]
    session = FakeSession(answers={OrderVerb.DECOMMISSION: said})
    assert operate(session, "node", "decommission", "pi-1").exit_code == 4
    done = operate(session, "node", "decommission", "pi-1", "--force")
    assert (done.exit_code, done.stdout) == (0, "pi-1 leaves\n")
    assert [order.arguments for order in session.orders] == [{"force": False}, {"force": True}]
