"""`bramble logs`: the last lines that a service's containers said, or a warm function's, asked of each node that may run one.

Nothing is followed, and nothing is kept: the lines are the engine's, and come through the controller once.
"""

from __future__ import annotations

from cli.errors import Code, CommandError, tell
from cli.output import print_json
from cli.terminal import Terminal, read, read_all
from link.session import Session
from protocol.desired import Verb
from protocol.observed import Answer
from protocol.operator import Explanation, OperatorOrder, OrderVerb, TaskPlace


def logs(terminal: Terminal, target: str, node: str, lines: int) -> None:
    """Print them task by task, or node by node; who does not answer is told, and the others are shown all the same."""
    with terminal.session() as session:
        tasks = _tasks(terminal, session, target)
        places = _hosts(terminal, session, target) if tasks is None else tasks
        wanted = [place for place in places if node in ("", place.node)]
        if not wanted:
            where = f" on {node}" if node else ""
            raise CommandError(Code.NOT_FOUND, f"{target} has no task{where}", "`bramble ps` lists them")
        failed = [place.task for place in wanted if not _shown(terminal, session, place, (lines, len(wanted) > 1))]
    if len(failed) > (len(wanted) - 1 if tasks is None else 0):  # not each node that hosts a function has an instance
        raise CommandError(Code.REFUSED, f"nothing was read of {', '.join(failed)}", shown=True)


def _tasks(terminal: Terminal, session: Session, target: str) -> list[TaskPlace] | None:
    """The tasks of a stack or a service; None of what may be a function."""
    try:
        return read_all(TaskPlace, terminal.ask(session, OrderVerb.PS, target) or [])
    except CommandError as error:
        if error.code is not Code.NOT_FOUND or "." not in target:
            raise
        return None


def _hosts(terminal: Terminal, session: Session, target: str) -> list[TaskPlace]:
    """The nodes that host a function, by whose names its instances go."""
    found = read(Explanation, terminal.ask(session, OrderVerb.EXPLAIN, target))
    return [TaskPlace(target, one.node, "") for one in found.nodes if one.chosen]


def _shown(terminal: Terminal, session: Session, place: TaskPlace, how: tuple[int, bool]) -> bool:
    lines, is_one_of_many = how
    arguments = {"verb": str(Verb.LOGS), "target": place.task, "value": str(lines)}
    answer = session.ask(OperatorOrder(OrderVerb.COMMAND, place.node, arguments), terminal.patience_s)
    if not isinstance(answer, Answer) or not answer.ok:
        reason = answer.message if isinstance(answer, Answer) else str(answer) if answer else "nobody answered in time"
        tell(f"{place.task} on {place.node}: {reason}")
        return False
    said = str(answer.result).splitlines()
    if terminal.is_json:
        print_json({"task": place.task, "node": place.node, "lines": said})
        return True
    whose = place.task if place.state else place.node
    for line in said:
        print(f"{whose} | {line}" if is_one_of_many else line)
    return True
