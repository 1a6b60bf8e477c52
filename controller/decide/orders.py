"""An operator's orders and direct calls, and what is answered.

A question changes nothing and may be asked again. An order that changes something is done at most once per id: its repetition is
told the same answer. A command is passed on to its node, and the node's answer passed back; if none comes, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.decide import (
    agents,
    answers,
    availability,
    decommission,
    devices,
    functions,
    labels,
    nodes,
    services,
    twins,
)
from controller.decide.fleet import Fleet
from controller.decide.home_assistant import refusals
from controller.decide.inputs import Heard
from controller.decide.invocation import Entry
from controller.decide.invocations import open_entry, repeat_answer
from controller.decide.presence import Presence
from controller.decide.records import Answered
from controller.decide.rollouts import planning, progress, rollout_orders, undo
from protocol.desired import Command, Invocation, Verb
from protocol.ids import invocation_id
from protocol.observed import Answer
from protocol.operator import Denial, OperatorOrder, OrderVerb
from protocol.topics import AnswerTopic, CallTopic, CommandTopic

KIND = "command"
CALL_TYPE = "dev.bramble.call"


def order(fleet: Fleet, key: str, heard: Heard, now_mono_s: float) -> None:
    """Do what an operator orders, and answer."""
    asked: OperatorOrder = heard.received.message
    response_topic = heard.response_topic or str(AnswerTopic(fleet.name, key))
    fleet.tally("orders", asked.verb.value)
    if asked.verb is OrderVerb.COMMAND:
        _command(fleet, key, asked, (response_topic, heard.correlation), now_mono_s)
        return
    if asked.verb in (OrderVerb.PLAN, OrderVerb.DIFF):
        planning.begin(fleet, key, asked, (response_topic, heard.correlation), now_mono_s)
        return
    before = fleet.answered.get(key)
    answer = before.answer if before else replace(_DO[asked.verb](fleet, asked, now_mono_s), id=key)
    if before is None and asked.verb not in _ASKING and answer.ok:
        _remember(fleet, key, answer)
    _reply(fleet, (response_topic, heard.correlation), answer)


def call(fleet: Fleet, topic: CallTopic, heard: Heard, now_mono_s: float) -> None:
    """Run a function because somebody asks; the answer comes with its result."""
    response_topic = heard.response_topic or str(AnswerTopic(fleet.name, topic.id))
    found = _function(fleet, topic.function)
    if isinstance(found, Answer):
        fleet.reply(response_topic, heard.correlation, replace(found, id=topic.id))
        return
    try:
        body = heard.received.message.decode("utf-8")
    except UnicodeDecodeError as error:
        said = f"the body of a call is text in UTF-8; byte {error.start} is not"
        fleet.reply(response_topic, heard.correlation, Answer(topic.id, ok=False, message=said))
        return
    stack, name = found.split(".")
    asked = Invocation(invocation_id(f"call {topic.id}", stack, name, 0), stack, name, _attributes(fleet, topic), body)
    before = fleet.ledger.get(asked.id)
    if before is not None:
        repeat_answer(fleet, before, topic.id, (response_topic, heard.correlation))
        return
    entry = Entry(asked, response_topic=response_topic, correlation=heard.correlation.hex(), call=topic.id)
    open_entry(fleet, entry, "", now_mono_s)


def answered(fleet: Fleet, node: str, key: str, answer: Answer) -> None:
    """A node answered a command: pass it back to whoever asked. Only the node that was asked may answer (S10)."""
    asked, response_topic, correlation = fleet.asked.get(key, ("", "", b""))
    if asked != node:
        fleet.tally("late_answers")
        return
    del fleet.asked[key]
    fleet.deadlines.drop(KIND, key)
    _reply(fleet, (response_topic, correlation), replace(answer, id=key))


def unanswered(fleet: Fleet, key: str) -> None:
    """A node did not answer a command in time."""
    asked = fleet.asked.get(key)
    if asked is not None:
        said = f"the node gave no answer within {fleet.terms.command_s:g} s"
        answered(fleet, asked[0], key, Answer(key, ok=False, message=said))


def _command(
    fleet: Fleet, key: str, asked: OperatorOrder, back: tuple[str, bytes], now_mono_s: float
) -> None:  # fmt: skip
    refused = _command_refused(fleet, asked)
    if refused is not None:
        _reply(fleet, back, replace(refused, id=key))
        return
    if key in fleet.asked:
        return
    fleet.asked[key] = (asked.target, *back)
    fleet.deadlines.set(KIND, key, now_mono_s + fleet.terms.command_s)
    arguments = {name: str(value) for name, value in asked.arguments.items()}
    target, value, epoch = arguments.get("target", ""), arguments.get("value", ""), fleet.epoch_of(asked.target)
    command = Command(key, Verb(arguments["verb"]), target, value, epoch)
    fleet.say(CommandTopic(fleet.name, asked.target, key), command)


def _reply(fleet: Fleet, back: tuple[str, bytes], answer: Answer) -> None:
    fleet.reply(*back, answer)
    refusals.answered(fleet, answer)


def _command_refused(fleet: Fleet, asked: OperatorOrder) -> Answer | None:
    if asked.target not in fleet.nodes:
        return answers.no_node(asked.target)
    presence = fleet.presence(asked.target)
    if presence is Presence.QUARANTINED:
        return Answer("", ok=False, message=twins.sentence(fleet, asked.target))
    if presence is Presence.OFFLINE:
        return Answer("", ok=False, message=f"{asked.target} is offline; a command needs the node to answer")
    if asked.arguments.get("verb") not in list(Verb):
        return Answer("", ok=False, message=f"a command needs a verb: {', '.join(Verb)}")
    if len(fleet.asked) >= fleet.terms.answers_kept:
        return Answer("", ok=False, message="too many commands wait for their answers; try again later")
    return None


def _remember(fleet: Fleet, key: str, answer: Answer) -> None:
    rank = fleet.count("answered")
    fleet.answered.put(key, Answered(key, rank, answer))
    fleet.answered_order.append(key)
    while len(fleet.answered_order) > fleet.terms.answers_kept:
        fleet.answered.drop(fleet.answered_order.popleft())


def _function(fleet: Fleet, text: str) -> str | Answer:
    """The function that a call means: `stack.function`, or its bare name where only one stack has it."""
    if text in fleet.catalogue.functions:
        return text
    stacks = sorted(fleet.catalogue.named.get(text, ()))
    if len(stacks) == 1:
        return f"{stacks[0]}.{text}"
    if not stacks:
        said, denial = f"there is no function {text!r}", Denial.NOT_FOUND
    else:
        said = f"{len(stacks)} stacks have a function {text!r}: call {' or '.join(f'{s}.{text}' for s in stacks)}"
        denial = Denial.CONFLICT
    return Answer("", ok=False, message=said, result={"denial": denial.value})


def _attributes(fleet: Fleet, topic: CallTopic) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": topic.id,
        "source": f"/bramble/{fleet.name}/call",
        "type": CALL_TYPE,
        "subject": topic.function,
    }


_ASKING = frozenset(
    {
        OrderVerb.NODES,
        OrderVerb.STACKS,
        OrderVerb.SERVICES,
        OrderVerb.PS,
        OrderVerb.EXPLAIN,
        OrderVerb.INSPECT,
        OrderVerb.DEVICES,
        OrderVerb.ROLLOUT_STATUS,
        OrderVerb.ROLLOUT_HISTORY,
        OrderVerb.AGENTS,
        OrderVerb.FUNCTIONS,
        OrderVerb.DEAD_LETTERS,
    }
)
"""What only asks, and may be asked again; all else is done at most once per id."""

_DO: Mapping[OrderVerb, Callable[[Fleet, OperatorOrder, float], Answer]] = {
    OrderVerb.NODES: nodes.nodes,
    OrderVerb.STACKS: answers.stacks,
    OrderVerb.SERVICES: answers.services,
    OrderVerb.PS: answers.ps,
    OrderVerb.EXPLAIN: answers.explain,
    OrderVerb.INSPECT: nodes.inspect,
    OrderVerb.DEVICES: devices.devices,
    OrderVerb.ROLLOUT_STATUS: progress.status,
    OrderVerb.ROLLOUT_HISTORY: undo.rows,
    OrderVerb.AGENTS: agents.rows,
    OrderVerb.AGENTS_UPDATE: agents.update,
    OrderVerb.FUNCTIONS: functions.functions,
    OrderVerb.DEAD_LETTERS: functions.dead_letters,
    OrderVerb.REPLAY: functions.replay,
    OrderVerb.DROP: functions.drop,
    OrderVerb.DRAIN: availability.drain,
    OrderVerb.PAUSE: availability.pause,
    OrderVerb.ACTIVATE: availability.activate,
    OrderVerb.LABEL: labels.label,
    OrderVerb.DECOMMISSION: decommission.decommission,
    OrderVerb.SCALE: services.scale,
    OrderVerb.RESTART: services.restart,
    OrderVerb.PULL: services.pull,
    OrderVerb.ROLLOUT_PAUSE: rollout_orders.pause,
    OrderVerb.ROLLOUT_RESUME: rollout_orders.resume,
    OrderVerb.ROLLOUT_CONFIRM: rollout_orders.confirm,
    OrderVerb.ROLLOUT_ABORT: rollout_orders.abort,
    OrderVerb.ROLLOUT_UNDO: undo.undo,
    OrderVerb.PIN: rollout_orders.pin,
    OrderVerb.UNPIN: rollout_orders.unpin,
    OrderVerb.OVERRIDE: rollout_orders.override,
}
