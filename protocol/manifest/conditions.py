"""When and where, as manifests write it: schedules, constraints on nodes, and labels of nodes. One type each, for all who ask."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from protocol import cron
from protocol.constraint import LABEL, parse
from protocol.manifest.section import Form, one_or_many


def _schedule(text: str) -> str:
    if fault := cron.validate(text):
        raise ValueError(fault)
    return text


def _constraint(text: str) -> str:
    said = parse(text)
    if isinstance(said, str):
        raise ValueError(said)  # noqa: TRY004  (pydantic turns it into a fault)
    return text


def _label(text: str) -> str:
    if not text.startswith(LABEL) or text == LABEL:
        raise ValueError(f"{text!r} is no label of the nodes; write {LABEL}NAME")
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
"""Five fields of crontab(5), or a word like `@daily`."""

Constraints = Annotated[
    list[Annotated[str, AfterValidator(_constraint)]],
    Form(one_or_many, "a list of constraints, or one", ({"type": "string"},)),
]
"""What a node must meet, each of them."""

Label = Annotated[str, AfterValidator(_label)]
"""A label of the nodes, over whose values something is shared out."""
