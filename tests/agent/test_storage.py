"""What leaves the disk, and when nothing more may come onto it: tables, and the laws over arbitrary disks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decide import leftovers, pacing, storage
from agent.decide.effects import Clean, Pull
from agent.decide.inputs import ContainerSeen, DiskSeen, Done, EngineSeen, GiveUp, ImageSeen, Phase, Retry, StepEnded
from agent.decide.node import Node
from agent.decide.now import Now
from agent.decide.stored import Pulled
from agent.decide.target import content_of
from agent.decide.trial import Trial
from protocol.container import Attachment, Container, Network
from protocol.desired import Assignment, Mirror, Offer, TaskSpec
from protocol.function import FunctionSpec
from protocol.observed import OfferState

GIB = 1024**3
ROOMY, SHORT, FULL = (DiskSeen(100 * GIB, free * GIB) for free in (50, 12, 4))
NOW = Now(10_000.0)
LATER_S = storage.GRACE_S + 1.0
WEB, OLD, OTHER = (f"docker.io/library/{name}" for name in ("web:2", "web:1", "other:1"))


def image(reference: str, *more: str) -> ImageSeen:
    """An image on the disk, with an id that shows which."""
    return ImageSeen(f"id of {reference}", 10, (reference, *more))


def container(reference: str) -> ContainerSeen:
    return ContainerSeen("c1", "c1", "porch.web.1", "r", "h", Phase.EXITED, f"id of {reference}")


def spec(reference: str, service: str = "web", network: str = "") -> TaskSpec:
    networks = (Attachment(Network(network)),) if network else ()
    return TaskSpec(f"porch.{service}.1", "porch", service, reference[-1], Container(reference, networks=networks))


def assigned(*tasks: TaskSpec, functions: tuple[FunctionSpec, ...] = ()) -> Node:
    """A node with this assignment, that pulled every image of these tests."""
    node = Node("pi-1", "home", "boot", "1", "stream")
    node.assignments.put("", Assignment("pi-1", 1, 1, tasks, functions=functions))
    for reference in (WEB, OLD, OTHER):
        node.pulled.put(reference, Pulled(reference, ids=(f"id of {reference}",)))
    return node


def looks(node: Node, mono_s: float, *stored: ImageSeen, **given: object) -> tuple[object, ...]:
    """What one look at this disk lets the node do."""
    seen = EngineSeen("1", (), frozenset(r for one in stored for r in one.references), stored=stored, disk=ROOMY)
    node.engine = replace(seen, **given)  # type: ignore[arg-type] - fields of EngineSeen
    node.busy.clear()
    storage.follow(node, Now(mono_s))
    effects, node.effects = tuple(node.effects), []
    return effects


def removed(node: Node, *stored: ImageSeen, **given: object) -> set[str]:
    """What goes after it was idle for long enough."""
    effects = looks(node, NOW.mono_s, *stored, **given) + looks(node, NOW.mono_s + LATER_S, *stored, **given)
    return {name for effect in effects if isinstance(effect, Clean) for name in (*effect.images, *effect.networks)}


def test_what_nothing_needs_goes_and_the_rest_stays() -> None:
    """An image of no task is removed after its grace; the one that a task needs is not."""
    assert removed(assigned(spec("web:2")), image(WEB), image(OTHER)) == {f"id of {OTHER}"}


def test_a_foreign_image_stays() -> None:
    """What this node did not pull itself is not its business; nor what somebody gave another name."""
    node = assigned(spec("web:2"))
    assert removed(node, image(WEB), image("docker.io/library/theirs:1")) == set()
    assert removed(node, image(OTHER, "docker.io/somebody/else:1")) == set()


def test_functions_offers_and_containers_keep_their_images() -> None:
    """Whatever may run without a pull keeps its image: an assigned function, an offer being staged, a container that is here."""
    function = FunctionSpec("greet", "porch", "r", Container("other:1"))
    assert removed(assigned(spec("web:2"), functions=(function,)), image(OTHER)) == set()
    node = assigned(spec("web:2"))
    offered = spec("other:1")
    node.trials.put("t", Trial(Offer("r", offered), content_of(offered), OfferState.STAGED))
    assert removed(node, image(OTHER)) == set()
    assert removed(assigned(spec("web:2")), image(OTHER), containers=(container(OTHER),)) == set()


def test_the_image_before_the_present_one_is_kept_for_a_rollback() -> None:
    """A service that was updated twice keeps the image of its first update, and loses the one before."""
    node = assigned(spec("other:1"))
    disk = (image(WEB), image(OLD), image(OTHER))
    looks(node, 0.0, *disk)
    for generation, tag in ((2, "web:1"), (3, "web:2")):
        node.assignments.put("", Assignment("pi-1", 1, generation, (spec(tag),)))
        looks(node, 1.0, *disk)
    assert removed(node, *disk) == {f"id of {OTHER}"}


def test_a_service_that_is_gone_needs_no_rollback() -> None:
    """Its last image goes with it."""
    node = assigned(spec("web:2"))
    looks(node, 0.0, image(WEB))
    node.assignments.put("", Assignment("pi-1", 1, 2))
    assert removed(node, image(WEB)) == {f"id of {WEB}"}


def test_a_tag_that_moved_leaves_nothing_behind() -> None:
    """What a reference named before our later pull of it is ours too, and goes."""
    node = assigned(spec("web:2"))
    untagged = ImageSeen("id before", 10, ("docker.io/library/web@sha256:0",))
    node.pulled.put(WEB, Pulled(WEB, ids=("id before",)))
    assert removed(node, image(WEB), untagged) == {"id before"}
    assert node.pulled.get(WEB) == Pulled(WEB, ids=("id before", f"id of {WEB}"))


def test_an_image_that_was_here_before_our_pull_is_not_ours() -> None:
    """A pull that changed nothing makes nothing ours."""
    node = assigned(spec("web:2"))
    node.pulled.drop(OTHER)
    looks(node, 0.0, image(OTHER))
    node.effects = [Pull("k", "other:1")]
    storage.guard(node, NOW)
    assert removed(node, image(OTHER)) == set()


def test_a_mirrors_name_for_our_image_is_ours() -> None:
    """An image that came by digest from a mirror has the mirror's name and its own, and goes with both."""
    node = assigned()
    node.assignments.put("", Assignment("pi-1", 1, 1, mirrors=(Mirror("docker.io", "m:5000"),)))
    reference = "docker.io/library/web@sha256:1"
    node.effects = [Pull("k", "web:2@sha256:1", mirror="m:5000")]
    storage.guard(node, NOW)
    here = ImageSeen("i", 10, ("m:5000/library/web@sha256:1", WEB))
    assert removed(node, here) == {"i"}
    assert node.pulled.get(reference) == Pulled(reference, "m:5000", ids=("i",))


def test_room_that_is_short_shortens_the_grace() -> None:
    """On a disk that fills, a minute without use is enough."""
    node = assigned(spec("web:2"))
    assert looks(node, 0.0, image(OTHER), disk=SHORT) == ()
    assert looks(node, storage.SHORT_GRACE_S, image(OTHER), disk=SHORT) == (Clean("storage", (f"id of {OTHER}",)),)


def test_what_docker_keeps_is_not_asked_for_at_every_look() -> None:
    """A clean that removed nothing is tried again after another grace."""
    node = assigned(spec("web:2"))
    assert removed(node, image(OTHER)) == {f"id of {OTHER}"}
    assert looks(node, NOW.mono_s + LATER_S + 15.0, image(OTHER)) == ()


def test_a_network_that_nothing_needs_goes_at_once() -> None:
    """A network that a task needs stays, also while nobody is on it yet; the first look without need for it is its last."""
    node = assigned(spec("web:2", network="porch_default"))
    both = ("gone_default", "porch_default")
    assert looks(node, 0.0, image(WEB), networks=both) == (Clean("storage", (), ("gone_default",)),)
    node.assignments.put("", Assignment("pi-1", 1, 2))
    assert looks(node, 1.0, networks=both[1:]) == (Clean("storage", (), ("porch_default",)),)


def test_a_network_that_docker_keeps_is_not_asked_for_at_every_look() -> None:
    """Somebody else's container on it keeps it; that is looked at from time to time."""
    node = assigned()
    assert looks(node, 0.0, networks=("gone_default",))
    assert looks(node, 15.0, networks=("gone_default",)) == ()
    assert looks(node, storage.NETWORK_AGAIN_S, networks=("gone_default",))


def test_nothing_goes_before_the_first_assignment() -> None:
    """A store that was emptied says nothing of what is needed."""
    node = assigned()
    node.assignments.drop("")
    assert removed(node, image(OTHER)) == set()


@pytest.mark.parametrize(
    ("disk", "said"),
    [
        (ROOMY, ""),
        (SHORT, ""),
        (FULL, "disk 96% full; no image is pulled until there is room"),
        (DiskSeen(2 * GIB, GIB // 8), "disk 94% full; no image is pulled until there is room"),
        (None, ""),
    ],
)
def test_a_full_disk_refuses_a_pull_early(disk: DiskSeen | None, said: str) -> None:
    """Beyond 95 %, or with less than the reserve, a pull ends before it begins, and whoever wanted it hears why."""
    function = FunctionSpec("greet", "porch", "r", Container("other:1"))
    node = assigned(functions=(function,))
    looks(node, 0.0, disk=disk)
    node.busy.add("function porch.greet")
    node.effects = [Pull("function porch.greet", "other:1")]
    storage.guard(node, NOW)
    assert node.unfetched.get("function porch.greet", "") == said
    assert bool(node.effects) == (said == "")
    assert storage.reasons(node) == ((said,) if said else ())


def test_pauses_grow_and_differ_between_nodes() -> None:
    """From 15 s to 300 s, a quarter more or less; the same node has the same pauses."""
    for failures, about_s in ((1, 15.0), (2, 30.0), (3, 60.0), (6, 300.0), (60, 300.0)):
        assert abs(pacing.pause_s("pi-1", "a", failures, 0.0) - about_s) <= about_s / 4 + 0.1
    pauses = {pacing.pause_s(f"pi-{number}", "a", 5, 0.0) for number in range(50)}
    assert len(pauses) > 45
    assert pacing.pause_s("pi-1", "a", 5, 0.0) == pacing.pause_s("pi-1", "a", 5, 0.0)


def test_a_registry_that_limits_pulls_is_no_failure() -> None:
    """Its long pause is kept, and the pause after the next failure is the first again; success forgets all."""
    node, step = assigned(), Pull("k", "web:2")
    limited = pacing.paced(node, StepEnded(step, Retry("limits", 900.0))).outcome
    assert isinstance(limited, Retry)
    assert limited.after_s >= 675.0
    waits = []
    for outcome in (Retry("away", 15.0), Retry("away", 15.0), Done(), Retry("away", 15.0), GiveUp("no")):
        paced = pacing.paced(node, StepEnded(step, outcome)).outcome
        waits.append(paced.after_s if isinstance(paced, Retry) else None)
    first, second, _, again, _ = waits
    assert first is not None
    assert second is not None
    assert (first == again, second > first) == (True, True)


NAMES = [f"r.local/{name}:{tag}" for name in ("a", "b", "c") for tag in (1, 2)]
disks = st.lists(st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    disk=disks,
    pulled=st.sets(st.sampled_from(NAMES)),
    wanted=st.sets(st.sampled_from(NAMES)),
    held=st.sets(st.integers(0, 5)),
    room=st.sampled_from([ROOMY, SHORT, FULL]),
)
def test_nothing_needed_or_foreign_is_ever_removed_and_it_ends(
    disk: list[tuple[str, ...]], pulled: set[str], wanted: set[str], held: set[int], room: DiskSeen
) -> None:
    """Whatever is on the disk: cleaning stops, and has removed only what was ours and what nothing needed."""
    named: dict[str, int] = {}
    stored = {
        number: tuple(r for r in references if named.setdefault(r, number) == number)
        for number, references in enumerate(disk)
    }
    node = assigned(*(spec(name, f"s-{number}") for number, name in enumerate(sorted(wanted))))
    for key in node.pulled:
        node.pulled.drop(key)
    for name in pulled:
        node.pulled.put(name, Pulled(name, ids=(str(named[name]),) if name in named else ()))
    used = tuple(replace(container(""), id=str(number), image=str(number)) for number in held)
    ours, before, cleans = {str(named[name]) for name in pulled if name in named}, dict(stored), 0
    for turn in range(12):
        seen = tuple(ImageSeen(str(number), 1, references) for number, references in stored.items())
        for effect in looks(node, turn * LATER_S, *seen, disk=room, containers=used):
            assert isinstance(effect, Clean)
            assert turn < 10, "it never ends"
            cleans += 1
            for id_ in effect.images:
                assert id_ in ours
                assert int(id_) not in held
                assert not set(stored.pop(int(id_))) & wanted
    assert cleans <= len(before)


def test_a_policy_of_never_forbids_the_pull() -> None:
    """Whoever wants an image to be there already hears that it is not; task, offer and function alike."""
    said = "image other:1 is not on this node, and its pull_policy is never"
    function = FunctionSpec("greet", "porch", "r", Container("other:1", pull_policy="never"))
    node = assigned(functions=(function,))
    looks(node, 0.0)
    node.effects = [Pull("function porch.greet", "other:1")]
    storage.guard(node, NOW)
    assert (node.effects, node.unfetched) == ([], {"function porch.greet": said})
    for policy, refused in (("never", GiveUp(said)), ("always", None), ("", None)):
        task = spec("other:1")
        task = replace(task, container=replace(task.container, pull_policy=policy))
        assert storage.refusal(assigned(task), Pull(task.task, "other:1")) == refused


LEFT = f"{leftovers.DOOR}:40123/library/web:2"


def test_a_name_that_a_capped_pull_left_behind_goes() -> None:
    """The image stays, by its own name; its name of a relay that is gone goes, once no pull can be under way with it."""
    node, here = assigned(spec("web:2")), image(WEB, LEFT)
    assert looks(node, NOW.mono_s, here) == ()
    (clean,) = looks(node, NOW.mono_s + leftovers.GRACE_S, here)
    assert clean == Clean(storage.KEY, names=(LEFT,))


def test_an_image_that_did_not_arrive_keeps_its_layers_for_a_while() -> None:
    """Its only name goes as late as an image that nothing needs: whoever asks again has most of it."""
    node, here = assigned(spec("other:1")), ImageSeen("half", 10, (LEFT,))
    looks(node, NOW.mono_s, here)
    assert looks(node, NOW.mono_s + leftovers.GRACE_S, here) == ()
    assert looks(node, NOW.mono_s + storage.GRACE_S, here) == (Clean(storage.KEY, names=(LEFT,)),)


def test_an_image_that_did_not_arrive_is_not_here() -> None:
    """Also by its digest: a crash between the two names of a capped pull lets the pull begin again."""
    content = "sha256:" + "1" * 64
    half = frozenset({"half", LEFT, f"{leftovers.DOOR}:40123/library/web@{content}"})
    seen = EngineSeen("1", (), half)
    assert seen.has(f"web:2@{content}")
    assert not leftovers.without(seen).has(f"web:2@{content}")
    assert leftovers.without(EngineSeen("1", (), half | {f"docker.io/library/web@{content}"})).has(f"web:2@{content}")


def test_what_was_left_behind_keeps_no_image() -> None:
    """An image that nothing needs goes with all its names, a relay's among them."""
    assert removed(assigned(spec("web:2")), image(WEB), image(OTHER, f"{leftovers.DOOR}:1/library/other:1")) >= {
        f"id of {OTHER}"
    }
