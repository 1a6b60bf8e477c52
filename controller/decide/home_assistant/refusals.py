"""What became of a command of Home Assistant: a refusal stands in an entity of its device until the next command is done."""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.home_assistant.desk import CONTROLLER, Sort, Subject
from controller.decide.home_assistant.entity import Stated
from protocol.observed import Answer

REFUSAL = "refusal"


def answered(fleet: Fleet, answer: Answer) -> None:
    """An order was answered; if it was one of Home Assistant's, tell it."""
    subject = fleet.home_assistant.asked.pop(answer.id, None)
    if subject is not None:
        told(fleet, subject, answer)


def told(fleet: Fleet, subject: Subject, answer: Answer) -> None:
    """Show a refusal, or that there is none any more."""
    desk = fleet.home_assistant
    if not answer.ok:
        fleet.tally("refusals", "home_assistant")
        fleet.remark(str(subject), f"Home Assistant was refused: {answer.message}")
    known = fleet.announcements.get(str(subject))
    topic = subject.state(fleet.name, Sort.OWN, REFUSAL)
    if known is None or known.is_gone or subject.what == CONTROLLER:
        return
    payload = Stated(None if answer.ok else answer.message).payload
    if fleet.is_up and (not answer.ok or topic in desk.said) and desk.said.get(topic) != payload:
        desk.said[topic] = payload
        fleet.say(topic, payload)
