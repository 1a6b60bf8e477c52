"""`python -m lab.sweep`: removes what dead runs of the lab left behind (killed with SIGKILL, machine crashed).

Live runs are left alone. Needs root, as the runs did.
"""

from __future__ import annotations

import os
import sys

from lab import traces


def sweep() -> list[str]:
    """Remove every dead run and return what was done, one line each."""
    told = []
    for run in sorted(traces.runs()):
        if traces.is_alive(run):
            told.append(f"{run}: is running, left alone")
            continue
        traces.remove(run)
        left = traces.remaining(run)
        told.append(f"{run}: removed" if not left else f"{run}: could not remove {', '.join(left)}")
    return told


def main() -> int:
    """Sweep, tell, and answer 1 when something could not be removed."""
    if os.geteuid() != 0:
        print("the lab's leftovers belong to root: sudo python -m lab.sweep")
        return 1
    told = sweep()
    print("\n".join(told) or "nothing to sweep")
    return int(any("could not" in line for line in told))


if __name__ == "__main__":
    sys.exit(main())
