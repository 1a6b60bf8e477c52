"""What should run on a node, and what is in force beside it: the assignment, overlaid by trials that were kept or are under way.

A trial that was kept counts until the assignment says another thing of its task than it began with; one under way, while its task
is wanted at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.decide.directory import Directory
from agent.decide.sections import in_force
from agent.decide.table import Table
from agent.decide.target import Target
from agent.decide.trial import Trial
from protocol.desired import Assignment
from protocol.function import FunctionSpec
from protocol.observed import OfferState


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """What should run, what is in force beside it, and of which tables, in which version of each, both were worked out.

    Whoever reads them does not change them.
    """

    assignments: Table[Assignment]
    assigned: int
    trials: Table[Trial]
    version: int
    settled: dict[str, Target]
    targets: dict[str, Target]
    directory: Directory
    remembered: tuple[FunctionSpec, ...]

    def stands(self, assignments: Table[Assignment], trials: Table[Trial]) -> bool:
        """Whether neither table is another than it was."""
        is_same = self.trials is trials and self.assignments is assignments
        return is_same and self.version == trials.version and self.assigned == assignments.version


def worked_out(
    assignments: Table[Assignment],
    trials: Table[Trial],
    assignment: Assignment,
    assigned: dict[str, Target],
    before: WorkedOut | None,
) -> WorkedOut:
    """What follows from an assignment, its tasks and the trials; a directory that is what it was before stays."""
    ended = [t for t in trials.values() if t.state is OfferState.SETTLED and t.task in assigned]
    kept = [t for t in ended if assigned[t.task].content == t.base]
    settled = assigned | {t.task: t.target for t in kept}
    trying = [t for t in trials.values() if t.state is OfferState.TRYING and t.task in settled]
    targets = settled | {t.task: t.target for t in trying}
    overlays = [t for t in (*kept, *trying) if assigned[t.task].content != t.content]
    whole = in_force(assignment, overlays, targets)
    sections = replace(whole, functions=tuple(one for one in whole.functions if not one.is_away))
    directory = (
        before.directory if before is not None and before.directory.sections == sections else Directory(sections)
    )
    of = assignments, assignments.version, trials, trials.version
    return WorkedOut(*of, settled, targets, directory, whole.functions)
