"""What operators order of updates, and what they are told."""

from __future__ import annotations

import pytest

from protocol.operator import OrderVerb
from tests.controller.desk import Desk, web


@pytest.mark.parametrize("verb", [verb for verb in OrderVerb if verb is not OrderVerb.COMMAND])
def test_every_order_is_answered(verb: OrderVerb) -> None:
    """Whatever is asked of whatever is there or not, an operator gets one answer, and a no has a sentence."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    for number, target in enumerate(("shop.web", "nobody", "")):
        answer = desk.order(verb, target, key=f"o{number}")
        assert answer is not None
        assert answer.id == f"o{number}"
        assert answer.ok or answer.message
