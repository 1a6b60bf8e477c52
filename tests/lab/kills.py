"""`python -m tests.lab.kills --kills 1000`: real processes are killed at random moments while real updates flow.

Updates follow one another, well and bad ones. While one is under way, agents (mostly), the controller and the broker get SIGKILL
every few hundred milliseconds and are started again at once, as systemd would. Then everything is left alone until the update has
ended, and the engines are asked: each node runs one container, wholly of the old or of the new revision, with nothing left over; it
is what the controller shows; a bad version stays nowhere; whoever was not updated runs on as the same start of the same container.
At no moment did a node run two of them, or more nodes than the budget none.

`--seed` draws the same victims, pauses and versions; what they hit is for the machine to say. Needs root, as the lab does.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab import needs
from lab.processes import Process, TooLateError
from tests.lab.shop import BAD, GOOD, Shop, shop_of
from tests.lab.truth import trials, version

NODES = ("pi-1", "pi-2", "pi-3", "pi-4")
PARALLELISM = 2
KILLS_PER_UPDATE = (4, 24)
PAUSE_S = (0.1, 0.8)
BAD_SHARE = 0.3
VICTIMS = {"agent": 88, "controller": 8, "broker": 4}
LIVED_S = 0.7
"""How long a process has lived before it is killed again: it has read its store by then, and most of its work lies ahead."""

SETTLED_S = 120.0
"""An answer that died with its controller is asked for again after 10 s, and a broker that died is dialled again after seconds."""

Say = Callable[[str], None]


@dataclass
class Tally:
    """What was done, where it struck, and what went wrong."""

    kills: int = 0
    updates: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    wrongs: list[str] = field(default_factory=list)

    def last_line(self) -> str:
        """The verdict."""
        return f"{self.kills} kills, {self.updates} updates, {len(self.wrongs)} wrong"


class Killer:
    """Kills what runs the shop, and has it updated meanwhile."""

    def __init__(self, shop: Shop, chances: random.Random, say: Say) -> None:
        """`chances` decides whom, when, and to which version."""
        self.shop, self.chances, self.say = shop, chances, say
        self.tally = Tally()
        self._version = GOOD[0]
        self._born_mono_s: dict[str, float] = {}

    def kill(self, kills: int) -> Tally:
        """Go on until so many have died; returns what came of it."""
        begun_mono_s = time.monotonic()
        while self.tally.kills < kills:
            self._update(min(self.chances.randint(*KILLS_PER_UPDATE), kills - self.tally.kills))
            self.say(f"{self.tally.last_line()} after {time.monotonic() - begun_mono_s:.0f} s")
        return self.tally

    def _update(self, kills: int) -> None:
        """One update under fire, and what it has left behind."""
        other = next(one for one in GOOD if one != self._version)
        wanted = BAD if self.chances.random() < BAD_SHARE else other
        before = self.shop.revision()
        self.shop.truth.forget()
        self.shop.publish(wanted)
        revision = self.shop.published_revision(before)
        for _ in range(kills):
            self._pause(self.chances.uniform(*PAUSE_S))
            self._strike()
        self.tally.updates += 1
        try:
            status = self.shop.ended(revision, SETTLED_S)
        except TooLateError as late:
            self._wrong(str(late))
            return
        self.tally.ends[status.state] += 1
        self._judge(wanted, status.state, status.updated)

    def _judge(self, wanted: str, state: str, updated: int) -> None:
        versions, truth = self.shop.truth.versions(), self.shop.truth
        here = sum(one.revision == self.shop.revision() for name in truth.hosts for one in truth.running(name))
        if state == "done" and here != len(truth.hosts):
            self._wrong(f"done, and {here} of {len(truth.hosts)} run it: {versions}")
        if state == "rolled_back" and here:
            self._wrong(f"rolled back, and {here} run it: {versions}")
        if state == "paused" and here != updated:
            self._wrong(f"{updated} are said to be updated, and {here} run it: {versions}")
        if BAD in versions.values():
            self._wrong(f"{wanted} was kept: {versions}")
        for told in (*truth.wrongs(PARALLELISM), *(f"{name}: others were disturbed" for name in truth.disturbed())):
            self._wrong(told)
        if state == "done":
            self._version = wanted

    def _wrong(self, told: str) -> None:
        self.tally.wrongs.append(told)
        self.say(f"WRONG in update {self.tally.updates}, revision {self.shop.revision()}: {told}")

    def _pause(self, seconds: float) -> None:
        self.shop.desk.watch.read(seconds)

    def _strike(self) -> None:
        kind = self.chances.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        bramble = self.shop.desk.bramble
        if kind == "broker":
            memory = self.chances.choice(("all", "old", "none"))
            if memory == "all":
                bramble.broker.save()
            bramble.broker.kill()
            bramble.broker.restart(lose_retained=memory == "none")
        elif kind == "controller" and bramble.controller is not None:
            self._grown("controller")
            bramble.controller.kill()
            bramble.start_controller()
            self._born_mono_s["controller"] = time.monotonic()
        else:
            kind = self._strike_agent()
        self.tally.kills += 1
        self.tally.struck[kind] += 1

    def _strike_agent(self) -> str:
        """Kill one, note how far it was, and start it again."""
        bramble = self.shop.desk.bramble
        name = self.chances.choice(sorted(bramble.agents))
        self._grown(name)
        process: Process = bramble.agents[name]
        if not process.is_running:
            self._wrong(f"the agent of {name} had ended by itself: {process.log()[-500:]}")
        process.kill()
        where = self._standing(name)
        bramble.start_agent(name)
        self._born_mono_s[name] = time.monotonic()
        return f"agent: {where}"

    def _grown(self, name: str) -> None:
        lived_s = time.monotonic() - self._born_mono_s.get(name, 0.0)
        if lived_s < LIVED_S:
            self._pause(LIVED_S - lived_s)

    def _standing(self, name: str) -> str:
        """How far a node is with the newest revision: by its store, and by its engine."""
        truth = self.shop.truth
        of_task = {key: state for key, state in trials(truth.hosts[name]).items() if key.endswith(self.shop.revision())}
        state = next(iter(of_task.values()), "no trial")
        if state != "trying":
            return state
        left = len(truth.left_over(name))
        return f"trying, {'+'.join(map(version, truth.running(name))) or 'none'} runs, {left} beside"


def main() -> int:
    """Kill, and answer 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.kills", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="how many processes get SIGKILL")
    parser.add_argument("--seed", type=int, default=1, help="draws victims, pauses and versions")
    told = parser.parse_args()
    if lacks := needs.lacks():
        print("\n".join(map(str, lacks)))
        return 1
    with tempfile.TemporaryDirectory() as folder, shop_of(Path(folder), *NODES, **UPDATE) as shop:
        tally = Killer(shop, random.Random(told.seed), lambda line: print(line, flush=True)).kill(told.kills)
    for where, times in sorted(tally.struck.items()):
        print(f"{times:6d}  {where}")
    print(", ".join(f"{times} {end}" for end, times in sorted(tally.ends.items())))
    print(tally.last_line())
    return int(bool(tally.wrongs))


UPDATE = {"parallelism": PARALLELISM, "failure_action": "rollback"}
"""How the shop is updated meanwhile."""

if __name__ == "__main__":
    sys.exit(main())
