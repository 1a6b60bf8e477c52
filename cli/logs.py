"""`bramble logs`: the last lines that a service's containers said, asked of each node that runs one.

Nothing is followed, and nothing is kept: the lines are the engine's, and come through the controller once.
"""

from __future__ import annotations

from cli.errors import Code, CommandError, tell
from cli.output import print_json
from cli.terminal import Terminal, read_all
from link.session import Session
from protocol.desired import Verb
from protocol.observed import Answer
from protocol.operator import OperatorOrder, OrderVerb, TaskPlace


def logs(terminal: Terminal, target: str, node: str, lines: int) -> None:
    """Print them task by task; a task whose node does not answer is told, and the others are shown all the same."""
    with terminal.session() as session:
        places = read_all(TaskPlace, terminal.ask(session, OrderVerb.PS, target) or [])
        wanted = [place for place in places if node in ("", place.node)]
        if not wanted:
            where = f" on {node}" if node else ""
            raise CommandError(Code.NOT_FOUND, f"{target} has no task{where}", "`bramble ps` lists them")
        failed = [place.task for place in wanted if not _shown(terminal, session, place, (lines, len(wanted) > 1))]
    if failed:
        raise CommandError(Code.REFUSED, f"nothing was read of {', '.join(failed)}", shown=True)


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
    for line in said:
        print(f"{place.task} | {line}" if is_one_of_many else line)
    return True
