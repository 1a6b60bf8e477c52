"""The sensors, actuators and functions of a stack change on each node with its services there, all at once for the node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from controller.decide.effects import Say
from controller.decide.inputs import Heard
from controller.decide.observe import observe
from protocol import topics
from protocol.desired import Assignment, Offer, Offers, Sections
from protocol.envelope import FactMark, Packet, Received, pack
from protocol.observed import OfferState, SensorEvent
from protocol.operator import OrderVerb
from tests.controller.desk import FLEET, Desk
from tests.controller.pi import Pi

UPDATE = {"parallelism": 1, "max_failure_ratio": 0, "failure_action": "pause"}


def shop(number: int, services: tuple[str, ...] = ("web",), action: str = "pause", **sections: Any) -> str:
    """A stack whose services and other sections all carry a number; whatever is named replaces a section."""
    deploy = {"mode": "global", "update_config": {**UPDATE, "failure_action": action}}
    bell = {"kind": "button", "pin": number, "nodes": []}
    greet = {"image": f"greet:{number}", "triggers": [{"sensor": "bell", "on": "pressed"}]}
    whole = {
        "services": {name: {"image": f"{name}:{number}", "deploy": deploy} for name in services},
        "sensors": {"bell": bell},
        "actuators": {"lamp": {"kind": "led", "pin": 20 + number}},
        "functions": {"greet": greet},
    }
    return json.dumps({name: section for name, section in (whole | sections).items() if section})


class Shop:
    """Nodes that have the first shop settled, and have just been told of the second."""

    def __init__(self, nodes: int = 2, path: Path | None = None, **manifest: Any) -> None:
        self.desk = Desk(path)
        self.nonces = self.events = 0
        self.pis = [Pi(self.desk, f"pi-{number}").join() for number in range(1, nodes + 1)]
        self.manifest = manifest
        self.publish(1)
        for pi in self.pis:
            pi.read()
            pi.report()
        self.publish(2)

    def publish(self, number: int, **manifest: Any) -> None:
        """Another shop."""
        self.desk.manifest("shop", shop(number, **(self.manifest | manifest)))

    def update(self, pi: Pi, *, well: bool = True) -> None:
        """One node goes through all its updates that are granted."""
        self.nonces += 1
        pi.update(f"{self.nonces:08d}", well=well)

    def has(self, pi: Pi) -> set[int]:
        """The numbers of all sections that a node is assigned: one, unless they are mixed."""
        return numbers(self.desk.assignment(pi.name))

    def brings(self, pi: Pi) -> list[set[int]]:
        """The numbers of the sections that each of its offers brings."""
        return [numbers(offer.sections) for offer in self.desk.offers(pi.name).whole if offer.sections]

    def called(self) -> list[str]:
        """Which nodes were asked to run a function."""
        said = [effect for effect in self.desk.effects if isinstance(effect, Say)]
        return [effect.topic.node for effect in said if isinstance(effect.topic, topics.InvocationTopic)]

    def sense(self, pi: Pi, sensor: str, kind: str) -> list[str]:
        """A sensor senses something; which nodes are asked for it."""
        self.events += 1
        event = SensorEvent(f"e-{pi.name}", self.events, pi.name, sensor, kind, "2026-01-01T00:00:00Z", "b", 1)
        before = len(self.called())
        self.desk.heard(topics.EventTopic(FLEET, pi.name, sensor), event, mark=FactMark(event.stream, self.events, 1))
        return self.called()[before:]

    def runs(self, pi: Pi) -> set[str]:
        """The images that a node is assigned."""
        return {spec.container.image for spec in self.desk.assignment(pi.name).tasks}


def numbers(told: Assignment | Sections) -> set[int]:
    """Which shops sections are of."""
    found = {one.options["pin"] for one in told.sensors} | {one.options["pin"] - 20 for one in told.actuators}
    return found | {int(one.container.image.partition(":")[2]) for one in told.functions}


def test_a_node_keeps_its_sections_until_its_service_is_settled_and_is_offered_the_new_ones() -> None:
    """The assignment stays as it is, and each offer brings the sections with the tasks that change with them."""
    yard = Shop()
    one, two = yard.pis
    assert (yard.has(one), yard.has(two)) == ({1}, {1})
    assert yard.brings(one) == yard.brings(two) == [{2}]
    (offer,) = yard.desk.offers(one.name).whole
    assert offer.sections is not None
    assert offer.sections.revisions == {offer.task.task: offer.task.revision}


def test_one_generation_switches_a_task_and_its_sections() -> None:
    """The assignment that settles the revision has the new sections, and the other node still has none of them."""
    yard = Shop()
    one, two = yard.pis
    before = yard.desk.assignment(one.name).generation
    yard.update(one)
    after = yard.desk.assignment(one.name)
    assert after.generation == before + 1
    assert (yard.has(one), yard.runs(one)) == ({2}, {"web:2"})
    assert (yard.has(two), yard.runs(two)) == ({1}, {"web:1"})


def test_the_offer_brings_its_sections_until_the_node_has_them_in_its_assignment() -> None:
    """Between the two messages nothing is missing: a kept offer that brought sections goes on bringing them."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    told = [offer for said in yard.desk.effects for offer in _offers_in(said) if offer.task.stack == "shop"]
    assert all(offer.sections for offer in told)
    yard.update(pi)
    told = [offer for said in yard.desk.effects for offer in _offers_in(said) if offer.task.stack == "shop"]
    assert all(offer.sections for offer in told)
    assert yard.desk.offers(pi.name).offers == ()


def test_with_two_services_the_last_one_switches_the_sections() -> None:
    """While one of them is still old its node has the old sections, and both offers bring the new ones."""
    yard = Shop(nodes=1, services=("api", "web"))
    (pi,) = yard.pis
    pi.read()
    assert yard.brings(pi) == [{2}, {2}]
    pi.ask("00000001")
    pi.go()
    trying = sorted(pi.down)
    assert len(trying) == 2
    first = next(key for key in pi.states if key[1] == trying[0])
    pi.states[first] = OfferState.SETTLED
    pi.kept[first[1]] = first[2]
    del pi.down[first[1]]
    pi.report()
    pi.report()
    assert yard.runs(pi) == {"api:2", "web:1"}
    assert yard.has(pi) == {1}
    pi.end(well=True)
    pi.report()
    assert yard.runs(pi) == {"api:2", "web:2"}
    assert yard.has(pi) == {2}


def test_a_failed_update_leaves_the_sections_old_wherever_the_service_is_old() -> None:
    """At rest with the rollout paused, each node is wholly of the one or wholly of the other."""
    yard = Shop()
    one, two = yard.pis
    yard.update(one)
    yard.update(two, well=False)
    assert (yard.has(one), yard.runs(one)) == ({2}, {"web:2"})
    assert (yard.has(two), yard.runs(two)) == ({1}, {"web:1"})
    assert yard.brings(two) == []


def test_a_node_that_joins_a_paused_update_begins_with_what_was_before() -> None:
    """Its service begins with the settled revision, and its sections with those of before."""
    yard = Shop()
    one, two = yard.pis
    yard.update(one)
    yard.update(two, well=False)
    three = Pi(yard.desk, "pi-3").join()
    assert (yard.has(three), yard.runs(three)) == ({1}, {"web:1"})
    yard.desk.order(OrderVerb.ROLLOUT_RESUME, "shop.web", key="o2")
    for pi in (two, three):
        yard.update(pi)
    assert [yard.has(pi) for pi in yard.pis] + [yard.has(three)] == [{2}] * 3


def test_a_rollback_brings_the_sections_back_with_the_service() -> None:
    """Who had the new ones is offered the old ones with the old revision, and all end with the old ones."""
    yard = Shop(action="rollback")
    one, two = yard.pis
    yard.update(one)
    yard.update(two, well=False)
    assert (yard.has(one), yard.brings(one)) == ({2}, [{1}])
    assert (yard.has(two), yard.brings(two)) == ({1}, [])
    yard.update(one)
    assert (yard.has(one), yard.runs(one)) == ({1}, {"web:1"})
    three = Pi(yard.desk, "pi-3").join()
    assert (yard.has(three), yard.runs(three)) == ({1}, {"web:1"})


def test_an_aborted_update_ends_with_what_was_before(tmp_path: Path) -> None:
    """Also after a restart of the controller in the middle."""
    yard = Shop(path=tmp_path)
    one = yard.pis[0]
    yard.update(one)
    yard.desk.restart()
    for pi in yard.pis:
        pi.epoch += 1
        pi.greet()
    yard.desk.order(OrderVerb.ROLLOUT_ABORT, "shop.web", key="o2")
    for _ in range(2):
        yard.update(one)
    assert [yard.has(pi) for pi in yard.pis] == [{1}, {1}]
    assert [yard.runs(pi) for pi in yard.pis] == [{"web:1"}, {"web:1"}]


def test_what_overtakes_an_unfinished_update_goes_back_behind_it() -> None:
    """Aborted, it ends with the revision and the sections of before the first of them."""
    yard = Shop()
    one, two = yard.pis
    yard.update(one)
    yard.publish(3)
    assert (yard.has(one), yard.has(two)) == ({2}, {1})
    yard.desk.order(OrderVerb.ROLLOUT_ABORT, "shop.web", key="o2")
    assert yard.brings(one) == [{1}]
    yard.update(one)
    assert [(yard.has(pi), yard.runs(pi)) for pi in yard.pis] == [({1}, {"web:1"})] * 2


def test_after_a_rollback_the_old_service_may_have_the_new_sections() -> None:
    """A manifest with the service of before asks for no update, so everything else in it is in force at once."""
    yard = Shop(nodes=1, action="rollback")
    (pi,) = yard.pis
    yard.update(pi, well=False)
    assert (yard.has(pi), yard.runs(pi)) == ({1}, {"web:1"})
    newer = json.loads(shop(2))
    newer["services"] = json.loads(shop(1))["services"]
    yard.desk.manifest("shop", json.dumps(newer))
    assert (yard.has(pi), yard.runs(pi)) == ({2}, {"web:1"})


def test_sections_change_at_once_where_no_service_changes() -> None:
    """A new sensor for services that stay as they are goes out with the next assignment."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    yard.update(pi)
    yard.publish(2, sensors={"bell": {"kind": "button", "pin": 3}})
    assert yard.has(pi) == {2, 3}
    assert yard.desk.offers(pi.name).offers == ()


def test_sections_change_at_once_where_the_stack_has_no_service() -> None:
    """A node that runs none of the stack's services has nothing to wait for."""
    desk = Desk()
    placed = json.loads(shop(1))
    placed["services"]["web"]["deploy"]["placement"] = {"constraints": ["node.labels.place == shop"]}
    there, elsewhere = Pi(desk, "pi-1").join(place="shop"), Pi(desk, "pi-2").join(place="yard")
    desk.manifest("shop", json.dumps(placed))
    for pi in (there, elsewhere):
        pi.read()
        pi.report()
    newer = json.loads(shop(2))
    newer["services"]["web"]["deploy"]["placement"] = placed["services"]["web"]["deploy"]["placement"]
    desk.manifest("shop", json.dumps(newer))
    assert numbers(desk.assignment("pi-1")) == {1}
    assert numbers(desk.assignment("pi-2")) == {2}


def test_a_section_that_the_new_revision_does_not_have_goes_with_the_old_one() -> None:
    """Removed is changed, too: the function stays until its node has the new revision."""
    yard = Shop(nodes=1, services=("web",))
    (pi,) = yard.pis
    yard.publish(2, functions={}, actuators={})
    assert len(yard.desk.assignment(pi.name).functions) == 1
    (offer,) = yard.desk.offers(pi.name).whole
    assert offer.sections is not None
    assert (offer.sections.functions, offer.sections.actuators) == ((), ())
    yard.update(pi)
    told = yard.desk.assignment(pi.name)
    assert (told.functions, told.actuators, len(told.sensors)) == ((), (), 1)


def test_a_newer_manifest_in_the_middle_is_what_the_offers_bring() -> None:
    """Who is updated already gets it at once, and who is not with its revision."""
    yard = Shop()
    one, two = yard.pis
    yard.update(one)
    yard.publish(2, sensors={"bell": {"kind": "button", "pin": 3}})
    assert yard.has(one) == {2, 3}
    assert yard.has(two) == {1}
    assert yard.brings(two) == [{2, 3}]


def test_a_revision_that_is_kept_after_it_was_withdrawn_keeps_what_came_with_it() -> None:
    """A newer manifest came too late: the node has switched, and is updated from there."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    pi.read()
    pi.ask("00000001")
    pi.go()
    pi.end(well=True)
    yard.publish(3)
    assert yard.has(pi) == {1}
    pi.report()
    assert (yard.runs(pi), yard.has(pi)) == ({"web:2"}, {2})
    assert yard.brings(pi) == [{3}]
    yard.update(pi)
    assert (yard.runs(pi), yard.has(pi)) == ({"web:3"}, {3})


def test_a_revision_that_is_kept_in_the_turn_of_a_newer_manifest_keeps_what_came_with_it() -> None:
    """The manifest is read first, and the word of the node is as true as before."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    pi.read()
    pi.ask("00000001")
    pi.go()
    pi.end(well=True)
    topic, payload = topics.ManifestTopic(FLEET, "shop"), shop(3).encode()
    observe(yard.desk.fleet, Heard(Received(topic, payload), payload_digest="d3"), yard.desk.now)
    pi.report()
    assert (yard.runs(pi), yard.has(pi)) == ({"web:2"}, {2})
    assert yard.brings(pi) == [{3}]


def test_an_event_of_an_old_sensor_calls_the_old_function() -> None:
    """On a node that is not updated yet, a new trigger calls nothing, and the old one what it called before."""
    released = {"greet": {"image": "greet:2", "triggers": [{"sensor": "gong", "on": "released"}]}}
    yard = Shop(nodes=2, sensors={"bell": {"kind": "button", "pin": 1}})
    one, two = yard.pis
    yard.publish(2, sensors={"gong": {"kind": "button", "pin": 2}}, functions=released)
    assert yard.sense(one, "bell", "pressed") == [one.name]
    assert yard.sense(one, "bell", "released") == []
    yard.update(one)
    assert yard.sense(one, "gong", "released") == [one.name]
    assert yard.sense(two, "bell", "pressed") == [two.name]


def test_an_event_of_a_new_sensor_calls_the_new_function() -> None:
    """It comes before the word that the revision is kept, from the node that tries it."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    released = {"greet": {"image": "greet:2", "triggers": [{"sensor": "gong", "on": "released"}]}}
    yard.publish(2, sensors={"gong": {"kind": "button", "pin": 2}}, functions=released)
    pi.read()
    pi.ask("00000001")
    pi.go()
    assert yard.sense(pi, "gong", "released") == [pi.name]


def test_a_new_function_is_called_where_it_has_come() -> None:
    """A call waits until the first node has it, and goes to that one."""
    yard = Shop(nodes=2)
    one, two = yard.pis
    yard.publish(2, functions={"wave": {"image": "wave:2", "triggers": []}})
    yard.desk.heard(topics.CallTopic(FLEET, "wave", "c1"), b"hello")
    assert yard.called() == []
    yard.update(two)
    yard.update(two)
    yard.update(one)
    assert len(yard.called()) == 1


def test_a_pinned_task_keeps_its_node_as_it_is() -> None:
    """What an operator keeps at its revision keeps its sensors and functions; unpinned it gets all of it."""
    yard = Shop()
    one, two = yard.pis
    yard.desk.order(OrderVerb.PIN, "shop.web", key="o2", node=two.name)
    yard.update(one)
    yard.publish(2, sensors={"bell": {"kind": "button", "pin": 3}})
    assert (yard.has(one), yard.has(two)) == ({2, 3}, {1})
    yard.desk.order(OrderVerb.UNPIN, "shop.web", key="o3", node=two.name)
    yard.update(two)
    assert yard.has(two) == {2, 3}


def test_what_a_stack_gives_up_another_may_have_at_once() -> None:
    """A claim of another stack does not wait for the update of the one that had the pin before."""
    yard = Shop(nodes=1)
    (pi,) = yard.pis
    yard.desk.manifest("yard", json.dumps({"sensors": {"gate": {"kind": "button", "pin": 1}}}))
    told = yard.desk.assignment(pi.name)
    assert [(one.stack, one.name) for one in told.sensors] == [("yard", "gate")]
    assert [one.container.image for one in told.functions] == ["greet:1"]


def test_a_stack_without_other_sections_offers_none_and_remembers_none() -> None:
    """Nothing is stored, and nothing more is said, of stacks that are only services."""
    yard = Shop(sensors={}, actuators={}, functions={})
    assert yard.brings(yard.pis[0]) == []
    assert len(yard.desk.fleet.earlier) == 0


def test_a_removed_stack_leaves_nothing_behind() -> None:
    """Its sections go with its tasks, whatever was under way, and nothing is remembered of it."""
    yard = Shop()
    yard.desk.manifest("shop", "")
    for pi in yard.pis:
        assert yard.has(pi) == set()
    assert len(yard.desk.fleet.earlier) == 0


def _offers_in(said: object) -> tuple[Offer, ...]:
    message = getattr(said, "message", None)
    return message.whole if isinstance(message, Offers) else ()


def test_what_comes_with_a_stack_is_said_once_to_a_node() -> None:
    """However many services it has there: nine offers cost as much more as their tasks, and all of them bring the same."""
    services = tuple(f"web-{number}" for number in range(9))
    functions = {f"f-{number}": {"image": "greet:2", "environment": {"X": "x" * 4_000}} for number in range(50)}
    (pi,) = Shop(nodes=1, services=services, functions=functions).pis
    desk = pi.desk
    desk.manifest("shop", shop(3, services=services, functions=functions | {"f-0": {"image": "greet:3"}}))
    told = desk.offers(pi.name)
    assert len(told.offers) == len(services)
    assert not any(offer.sections for offer in told.offers)
    assert len({len(offer.sections.functions) for offer in told.whole if offer.sections}) == 1
    assert isinstance(pack(topics.OfferTopic(FLEET, pi.name), told), Packet)
