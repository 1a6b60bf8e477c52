"""`make playground`: a small bramble on this machine that stays, and a prompt that plays fate for it.

Three hosts with a Docker Engine each, a broker, a registry with the images of `manifests/porch.yaml`, a controller. Commands are
given in another terminal, with `bramble`; here cables are pulled, hosts lose their power and processes are killed, to see what
becomes of them. It ends with `quit`, the end of the input or Ctrl-C, and removes everything that it made.
"""

from __future__ import annotations

import argparse
import cmd
import sys
from collections.abc import Callable, Mapping

from lab import needs
from lab.bramble import Bramble, bring_up
from lab.commands import CommandError
from lab.processes import TooLateError
from lab.site import Site
from lab.story import NODES

PROCESSES = {"BRAMBLE_PROCESSES": "true"}
"""So that a `handler:` can be tried without an image that has Python."""

AT_YOUR_SERVICE = """
It stays until you quit. In another terminal:

    export BRAMBLE_BROKER={broker}
    .venv/bin/bramble nodes
    .venv/bin/bramble up -f manifests/porch.yaml       # its images, dashboard:1 to 3, are in {registry}
    .venv/bin/bramble pins pi-1 --drive 17=press       # the doorbell of the porch; every pin is a mock pin
    .venv/bin/bramble status porch --watch

A host's own Docker Engine: docker -H {engine} ps -a
Here you are fate: cut, mend, off, on, kill; `help` says more, Tab completes.
"""


class Playground(cmd.Cmd):
    """The prompt. A command that fails says why, and the next one is asked for."""

    prompt = "playground> "
    doc_header = "What can happen (help COMMAND says more):"

    def __init__(self, bramble: Bramble) -> None:
        super().__init__()
        self._bramble = bramble
        self._off: set[str] = set()
        first = next(iter(bramble.hosts.values()))
        broker, registry = bramble.broker, bramble.registry
        self.intro = AT_YOUR_SERVICE.format(
            broker=f"{broker.address}:{broker.port}", registry=registry.name, engine=first.engine.url
        )

    def do_cut(self, name: str) -> None:
        """`cut NODE` pulls the cable of a host. It goes on alone."""
        if self._is_host(name):
            self._bramble.hosts[name].cut()

    def do_mend(self, name: str) -> None:
        """`mend NODE` plugs the cable in again."""
        if self._is_host(name):
            self._bramble.hosts[name].mend()

    def do_off(self, name: str) -> None:
        """`off NODE` is a power cut: agent, engine and containers end at once, the disk stays."""
        if self._is_host(name):
            self._bramble.hosts[name].power_cut()
            self._off.add(name)

    def do_on(self, name: str) -> None:
        """`on NODE` brings the power back: the host boots, and its agent finds what it remembers."""
        if name not in self._off:
            self._refuse(f"{name or 'what'!r} is not off; off are: {', '.join(sorted(self._off)) or 'none'}")
        else:
            self._bramble.hosts[name].start()
            self._bramble.start_agent(name)
            self._off.discard(name)

    def do_kill(self, name: str) -> None:
        """`kill NODE`, `kill controller` or `kill broker` is a SIGKILL; it is started again, as systemd does."""
        if name in self._fates:
            self._fates[name]()
        elif self._is_host(name, "controller, broker"):
            self._bramble.agents[name].kill()
            self._bramble.start_agent(name)

    def do_quit(self, _: str) -> bool:
        """`quit` ends, and removes everything that was made."""
        return True

    def do_EOF(self, _: str) -> bool:  # noqa: N802 - the word that cmd has for the end of the input
        """The end of the input (Ctrl-D) is as good as quit."""
        return True

    def emptyline(self) -> bool:
        """Nothing; cmd would say the last command again."""
        return False

    def default(self, line: str) -> None:
        """Refuse what is no command."""
        self._refuse(f"there is no command {line.split(maxsplit=1)[0]!r}; help shows what there is")

    def onecmd(self, line: str) -> bool:
        """Carry one command out; what does not work is told."""
        try:
            return bool(super().onecmd(line.strip()))
        except (CommandError, TooLateError, OSError) as error:
            self._refuse(str(error))
            return False

    def completedefault(self, *given: object) -> list[str]:
        """Complete the names of what there is."""
        return [name for name in (*self._bramble.hosts, *self._fates) if name.startswith(str(given[0]))]

    @property
    def _fates(self) -> Mapping[str, Callable[[], None]]:
        return {"controller": self._restart_controller, "broker": self._restart_broker}

    def _restart_controller(self) -> None:
        if self._bramble.controller is not None:
            self._bramble.controller.kill()
        self._bramble.start_controller()

    def _restart_broker(self) -> None:
        self._bramble.broker.kill()
        self._bramble.broker.start()

    def _is_host(self, name: str, others: str = "") -> bool:
        """Whether a host of this name is on; otherwise it is told what there is."""
        if name in self._off:
            self._refuse(f"{name} is off: on {name}")
        elif name not in self._bramble.hosts:
            known = ", ".join(filter(None, (*self._bramble.hosts, others)))
            self._refuse(f"there is no {name!r} here; there are {known}" if name else f"of whom? there are {known}")
        else:
            return True
        return False

    def _refuse(self, why: str) -> None:
        self.stdout.write(f"{why}\n")


def main() -> int:
    """Stay until told to end; 2 when this machine lacks something."""
    parser = argparse.ArgumentParser(prog="python -m lab.playground", description="A small bramble that stays.")
    parser.parse_args()
    if lacks := needs.lacks():
        print("\n".join(f"missing {lack}" for lack in lacks))
        return 2
    try:
        with Site(print) as site:
            Playground(bring_up(site, NODES, print, PROCESSES)).cmdloop()
            print("removing everything that was made ...")
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was made has been removed")
        return 130
    except (TooLateError, RuntimeError) as error:
        print(f"failed to bring the playground up: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
