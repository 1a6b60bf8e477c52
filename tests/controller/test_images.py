"""What a tag means is looked up once, at the registry, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide import images, manifests
from controller.decide.effects import Effect, Inspect
from controller.decide.inputs import Inspected
from controller.decide.observe import observe
from controller.decide.report import stack_status
from controller.decide.terms import MirrorRule, Terms
from protocol.desired import Login, Mirror
from protocol.operator import OrderVerb, StackStatus
from tests.controller.desk import Desk, web

TERMS = Terms(image_lookup_s=10.0)
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
WITH_FUNCTION = web() + "functions:\n  greet: {image: greet:1}\n"


def asked(effects: tuple[Effect, ...]) -> list[str]:
    """The images that registries were asked about."""
    return [effect.reference for effect in effects if isinstance(effect, Inspect)]


def answer(desk: Desk, reference: str, digest: str = "", reason: str = "", platforms: tuple[str, ...] = ()) -> None:
    """A registry answers for the stack."""
    observe(desk.fleet, Inspected("shop", reference, digest, platforms, reason), desk.now)
    desk.turn()


def shown(desk: Desk) -> StackStatus:
    """The stack's status as it is now, without waiting for it to be said."""
    return stack_status(desk.fleet, desk.fleet.stacks["shop"])


def test_nothing_runs_before_the_tags_are_looked_up_and_then_it_runs_by_digest() -> None:
    """Every node gets the same content."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    assert asked(desk.manifest("shop", web())) == ["web:1"]
    assert desk.tasks("pi-1") == {}
    assert shown(desk).services[0].reasons == ("looks up web:1 at its registry",)
    answer(desk, "web:1", ONE, platforms=("linux/arm64",))
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:1@{ONE}"}
    assert images.platforms(desk.fleet, desk.fleet.catalogue.services["shop.web"]) == ("linux/arm64",)


@pytest.mark.parametrize("reason", ["the registry docker.io cannot be reached: no route", ""])
def test_a_registry_that_does_not_answer_holds_nothing_up(reason: str) -> None:
    """Nodes pull by tag, and the service says so: at once when it is known, else when the time is over."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    if reason:
        answer(desk, "web:1", reason=reason)
    else:
        desk.turn(10.0)
    assert desk.tasks("pi-1") == {"shop.web.1": "web:1"}
    said = reason or images.UNANSWERED
    assert f"nodes pull web:1 by its tag, which may move: {said}" in desk.stack("shop").services[0].reasons


def test_the_old_revision_runs_on_until_the_new_ones_images_are_known() -> None:
    """A manifest whose registry is slow takes nothing down."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    answer(desk, "web:1", ONE)
    desk.manifest("shop", web("web:2"))
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:1@{ONE}"}
    assert (shown(desk).converged, shown(desk).awaits_images, shown(desk).services[0].image) == (
        False,
        True,
        f"web:1@{ONE}",
    )
    answer(desk, "web:2", TWO)
    assert (shown(desk).awaits_images, shown(desk).services[0].image) == (False, f"web:2@{TWO}")
    assert [offer.task.container.image for offer in desk.offers("pi-1").offers] == [f"web:2@{TWO}"]


def test_the_same_manifest_again_asks_nobody() -> None:
    """A retained manifest comes with every connect; a tag that moved meanwhile changes nothing by that."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    answer(desk, "web:1", ONE)
    assert asked(desk.manifest("shop", web())) == []
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:1@{ONE}"}


def test_always_is_at_each_publishing() -> None:
    """The same manifest again looks up the tags of its `always` services, and of no others; what moved is rolled out."""
    desk, text = Desk(terms=TERMS), web().replace("image: web:1", "image: web:1\n    pull_policy: always")
    text += "  db: {image: db:1}\n"
    desk.hello("pi-1")
    assert asked(desk.manifest("shop", text)) == ["db:1", "web:1"]
    answer(desk, "web:1", ONE)
    answer(desk, "db:1", ONE)
    assert asked(desk.manifest("shop", text)) == ["web:1"]
    answer(desk, "web:1", TWO)
    assert [offer.task.container.image for offer in desk.offers("pi-1").offers] == [f"web:1@{TWO}"]


def test_what_the_broker_remembers_is_no_publishing() -> None:
    """A manifest that comes with a connect asks no registry, whatever its policy."""
    desk, text = Desk(terms=TERMS), web().replace("image: web:1", "image: web:1\n    pull_policy: always")
    desk.hello("pi-1")
    desk.manifest("shop", text)
    answer(desk, "web:1", ONE)
    assert asked(desk.manifest("shop", text, retained=True)) == []


def test_who_asks_for_it_gets_what_the_tag_means_now() -> None:
    """`bramble pull`: what moved is rolled out as any other change."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    answer(desk, "web:1", ONE)
    assert manifests.look_again(desk.fleet, "shop", "web", desk.now)
    assert asked(desk.turn()) == ["web:1"]
    answer(desk, "web:1", TWO)
    assert [offer.task.container.image for offer in desk.offers("pi-1").offers] == [f"web:1@{TWO}"]


def test_a_silent_registry_takes_nothing_back() -> None:
    """What it said before is still true as far as anybody knows."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    answer(desk, "web:1", ONE)
    manifests.look_again(desk.fleet, "shop", "", desk.now)
    desk.turn(10.0)
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:1@{ONE}"}
    assert desk.offers("pi-1").offers == ()
    assert shown(desk).services[0].reasons[0] == f"web:1 stays what it was: {images.UNANSWERED}"


def test_an_image_with_a_digest_needs_no_registry() -> None:
    """Whoever wrote the content down has decided."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    assert asked(desk.manifest("shop", web(f"web@{ONE}"))) == []
    assert desk.tasks("pi-1") == {"shop.web.1": f"web@{ONE}"}


def test_what_is_said_of_a_tag_is_not_said_of_a_digest() -> None:
    """Of two services with one image, the one that names its content does not go by the tag."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web() + f"  pinned: {{image: 'web:1@{ONE}'}}\n")
    answer(desk, "web:1", reason="the registry docker.io cannot be reached")
    reasons = {service.service: " ".join(service.reasons) for service in shown(desk).services}
    assert "by its tag" in reasons["shop.web"]
    assert "by its tag" not in reasons["shop.pinned"]


def test_a_function_runs_by_digest_too() -> None:
    """Its image is fetched when it is assigned, so it must be the same everywhere."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    assert asked(desk.manifest("shop", WITH_FUNCTION)) == ["greet:1", "web:1"]
    answer(desk, "web:1", ONE)
    answer(desk, "greet:1", TWO)
    assert [function.container.image for function in desk.assignment("pi-1").functions] == [f"greet:1@{TWO}"]


FUNCTIONS = """
functions:
  greet: {image: "greet:latest"}
  ask: {image: "ask:latest", mode: warm}
"""


def with_functions() -> Desk:
    """A fleet that runs them, by digest."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", FUNCTIONS)
    for reference in ("greet:latest", "ask:latest"):
        answer(desk, reference, ONE)
    return desk


@pytest.mark.parametrize(
    ("target", "meant"), [("shop", ["ask:latest", "greet:latest"]), ("shop.greet", ["greet:latest"])]
)
def test_the_tags_of_functions_are_looked_up_again_too(target: str, meant: list[str]) -> None:
    """Of a stack without services, and of one function."""
    desk = with_functions()
    before = len(desk.effects)
    said = desk.order(OrderVerb.PULL, target)
    assert said is not None
    assert said.ok, said.message
    assert asked(tuple(desk.effects[before:])) == meant


def test_a_restart_in_the_middle_asks_again(tmp_path: Path) -> None:
    """What is being looked up is not durable; that it is awaited is."""
    desk = Desk(tmp_path, TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.effects.clear()
    desk.restart()
    assert asked(tuple(desk.effects)) == ["web:1"]
    answer(desk, "web:1", ONE)
    desk.restart()
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:1@{ONE}"}


def test_an_answer_for_a_manifest_that_was_overtaken_is_forgotten() -> None:
    """Only the newest manifest comes into force."""
    desk = Desk(terms=TERMS)
    desk.hello("pi-1")
    desk.manifest("shop", web())
    desk.manifest("shop", web("web:2"))
    answer(desk, "web:1", ONE)
    assert desk.tasks("pi-1") == {}
    answer(desk, "web:2", TWO)
    assert desk.tasks("pi-1") == {"shop.web.1": f"web:2@{TWO}"}


def test_a_removed_stack_leaves_no_image_behind() -> None:
    """Published again it is looked up again."""
    desk = Desk(terms=TERMS)
    desk.manifest("shop", web())
    answer(desk, "web:1", ONE)
    desk.manifest("shop", "")
    assert len(desk.fleet.images) == 0
    assert asked(desk.manifest("shop", web())) == ["web:1"]


def test_a_node_is_told_the_logins_and_mirrors_that_it_needs() -> None:
    """The stack's own login before the fleet's, and the mirror of the nodes that a rule names."""
    fleet_login, rule = (
        Login("r:5000", "fleet", "f"),
        MirrorRule("docker.io", "cache:5000", ("node.labels.site == home",)),
    )
    desk = Desk(terms=Terms(logins=(fleet_login,), mirrors=(rule,)))
    desk.hello("pi-1", labels={"site": "home"})
    desk.hello("pi-2")
    desk.manifest("shop", web(mode="global"))
    assert desk.assignment("pi-1").mirrors == (Mirror("docker.io", "cache:5000"),)
    assert desk.assignment("pi-2").mirrors == ()
    assert desk.assignment("pi-2").logins == (fleet_login,)


def test_a_corrected_login_reaches_the_nodes_although_nothing_else_changed() -> None:
    """Those with a task of the stack, and those with a function of it."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2", labels={"place": "porch"})

    def manifest(password: str) -> str:
        login = f"x-bramble: {{registries: {{'r:5000': {{username: ann, password: {password}}}}}}}\n"
        greet = "functions:\n  greet: {image: r:5000/greet:1, nodes: [node.labels.place == porch]}\n"
        return web("r:5000/web:1", placement="{constraints: [node.hostname == pi-1]}") + greet + login

    desk.manifest("shop", manifest("wrong"))
    desk.manifest("shop", manifest("right"))
    right = (Login("r:5000", "ann", "right", "shop"),)
    assert desk.assignment("pi-1").logins == right
    assert desk.assignment("pi-2").logins == right
    assert desk.offers("pi-1").offers == ()
