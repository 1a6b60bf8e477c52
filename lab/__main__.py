"""`make demo`: the whole story on this machine, told while it happens. Exits 0 only if every observation came true."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from lab import needs
from lab.bramble import FLEET, Bramble, bring_up, link_settings
from lab.processes import TooLateError
from lab.site import Site
from lab.story import NODES, Observation, Story
from lab.watch import Watch
from link.session import Session

_LOG_LINES = 25

console = Console(highlight=False)


def main() -> int:
    """Tell the story; 1 when something did not come true, 2 when this machine lacks something."""
    argparse.ArgumentParser(prog="python -m lab", description="Tell the whole story on this machine.").parse_args()
    if lacks := needs.lacks():
        console.print("\n".join(f"[red]missing[/] {lack}" for lack in lacks))
        return 2
    seen: list[Observation] = []
    began_mono_s = time.monotonic()
    try:
        _tell(seen, began_mono_s)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted[/]; everything that was started has been removed")
        return 130
    except (TooLateError, RuntimeError) as error:
        _summary(seen)
        console.print(f"[red]failed[/] {f'after {seen[-1].step}' if seen else 'to bring the bramble up'}: {error}")
        return 1
    _summary(seen)
    console.print(f"every observation came true, in {time.monotonic() - began_mono_s:.0f} s")
    return 0


def _tell(seen: list[Observation], began_mono_s: float) -> None:
    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began_mono_s:6.1f} s[/]  {text}", soft_wrap=True)

    with Site(say) as site:
        bramble = bring_up(site, NODES, say)
        seen.append(
            Observation(
                "bring up", f"{len(bramble.hosts)} nodes, broker, registry, controller", time.monotonic() - began_mono_s
            )
        )
        with (
            _logs_on_failure(bramble),
            Session(link_settings(bramble.broker), FLEET, (f"bramble/v1/{FLEET}/#",)) as session,
        ):
            watch = Watch(session)
            watch.until(lambda: len(watch.presence) == len(NODES), "three nodes to say hello", 30.0)
            for observation in Story(bramble, watch, say).steps():
                seen.append(observation)
                say(f"[green]seen[/] {observation.step}: {observation.seen}")


@contextmanager
def _logs_on_failure(bramble: Bramble) -> Iterator[None]:
    try:
        yield
    except (TooLateError, RuntimeError):
        for name, log in bramble.logs().items():
            console.rule(name)
            console.print("\n".join(log.splitlines()[-_LOG_LINES:]), markup=False)
        raise


def _summary(seen: list[Observation]) -> None:
    table = Table("step", "observed", "seconds", title="What was observed")
    for observation in seen:
        table.add_row(observation.step, observation.seen, f"{observation.seconds:.1f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
